"""Is a dataset what it says, and does a test leak into training?"""
