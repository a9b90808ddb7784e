"""Prompts -> predictions -> scores -> metrics.json."""
