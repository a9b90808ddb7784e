"""Finished runs -> tables: `load_results` -> tidy frame -> `accuracy_tables`, renderers, `check_requirements`."""

from reversal_cli.report.frame import Results, load_results, runs_in_table_order
from reversal_cli.report.latex import latex
from reversal_cli.report.published import published_table
from reversal_cli.report.render import csv_text, json_text, markdown, write_reports
from reversal_cli.report.requirements import check_requirements
from reversal_cli.report.stored_predictions import lacking_notes, read_kept
from reversal_cli.report.tables import ReportTable, accuracy_tables
from reversal_cli.report.terminal import rich_table, rich_tables

__all__ = [
    "ReportTable",
    "Results",
    "accuracy_tables",
    "check_requirements",
    "csv_text",
    "json_text",
    "lacking_notes",
    "latex",
    "load_results",
    "markdown",
    "published_table",
    "read_kept",
    "rich_table",
    "rich_tables",
    "runs_in_table_order",
    "write_reports",
]
