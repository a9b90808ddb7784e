"""Tables as Markdown, the frame as CSV and JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from tabulate import tabulate

from reversal_cli.files.writing import write_text
from reversal_cli.plain_text import markdown_text, spreadsheet_text
from reversal_cli.report.columns import map_texts
from reversal_cli.report.tables import ReportTable


class Reports(NamedTuple):
    """The files that were written."""

    markdown: Path
    csv: Path


def markdown(tables: Sequence[ReportTable], notes: Sequence[str] = ()) -> str:
    """A whole Markdown file."""
    parts = ["# Accuracy on the reversal benchmark"]
    for table in tables:
        parts += markdown_parts(table)
    if notes:
        parts += ["## Notes", "\n".join(f"- {markdown_text(note)}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def markdown_parts(table: ReportTable) -> list[str]:
    """Heading, table and note, escaped for Markdown."""
    align = ["right" if column in table.numeric else "left" for column in table.columns]
    rows = [[markdown_text(cell) for cell in row] for row in table.rows]
    columns = [markdown_text(column) for column in table.columns]
    body = tabulate(rows, columns, tablefmt="pipe", colalign=align, disable_numparse=True)
    return [f"## {markdown_text(table.title)}", body, markdown_text(table.note)]


def csv_text(frame: pd.DataFrame) -> str:
    """The tidy frame, not rounded; cells are empty if a value has no interval. An apostrophe protects formulas."""
    return map_texts(frame, spreadsheet_text).to_csv(index=False)


def json_text(frame: pd.DataFrame) -> str:
    """The tidy frame as a list of records; null if a value has no interval."""
    without_nan = frame.astype(object).where(frame.notna(), None)
    return json.dumps(without_nan.to_dict("records"), indent=2, ensure_ascii=False) + "\n"


def write_reports(
    frame: pd.DataFrame, folder: Path, tables: Sequence[ReportTable], notes: Sequence[str] = ()
) -> Reports:
    """Writes accuracy.md (all tables) and accuracy.csv (the tidy frame with every metric)."""
    reports = Reports(folder / "accuracy.md", folder / "accuracy.csv")
    write_text(reports.markdown, markdown(tables, notes))
    write_text(reports.csv, csv_text(frame))
    return reports
