"""A model answers: greedy completions, filled blanks, log-probabilities."""
