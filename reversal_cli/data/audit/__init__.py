"""Checks of a dataset: its files, its labels, and leaks of tests into training."""
