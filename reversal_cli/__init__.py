"""Measure and mitigate the reversal curse of language models."""

__version__ = "0.1.0"
