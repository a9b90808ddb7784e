"""Two evaluated runs, prompt by prompt: is the difference between them more than chance?

The units are entities and templates: prompts of one share a fact, those of the other its words (Miller 2024, arXiv
2411.00640: clustered standard errors, paired differences, power). What is computed for one subtask is in paired.py:
read it first.
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
