"""Numbers in, numbers out: intervals over entities and templates, paired differences, tests. NumPy only."""
