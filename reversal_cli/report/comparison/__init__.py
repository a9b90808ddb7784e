"""A paired comparison of two evaluated runs, prompt by prompt.

The units are entities and templates: the prompts of an entity share a fact, those of a template its words (Miller 2024,
arXiv 2411.00640: clustered standard errors, paired differences, power). Read statistics/paired.py first: it compares
one subtask.
"""

from reversal_cli.report.comparison.compare import Comparison, SubtaskComparison, compare_runs
from reversal_cli.report.comparison.render import comparison_tables, csv_text, json_text, markdown, sentences

__all__ = [
    "Comparison",
    "SubtaskComparison",
    "compare_runs",
    "comparison_tables",
    "csv_text",
    "json_text",
    "markdown",
    "sentences",
]
