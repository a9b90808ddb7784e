"""Tables as rich renderable and Markdown, the frame as CSV and JSON. Nothing is printed here."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from tabulate import tabulate

from reversal_cli.files.writing import write_text
from reversal_cli.plain_text import markdown_text, spreadsheet_text
from reversal_cli.report.tables import ReportTable

if TYPE_CHECKING:
    from rich.table import Table


PADDING = (0, 1, 0, 0)
LONG_LABELS = ("experiment", "model", "reference", "method", "their metric")
"""Columns that may be folded in a narrow terminal; numbers never are."""


class Reports(NamedTuple):
    """The files that were written."""

    markdown: Path
    csv: Path


def rich_table(table: ReportTable, width: int) -> "Table":
    """For a terminal of `width` columns. Where the numbers would not fit, each interval goes below its mean."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    fold = stacked if natural_width(table) > width else str
    rendered = Table(title=table.title, caption=Text(table.note), box=box.SIMPLE_HEAD, padding=PADDING, pad_edge=False)
    rendered.title_justify = rendered.caption_justify = "left"
    whole = [column for column in table.columns if column not in LONG_LABELS]
    texts = [[fold(cell) for cell in cells] for _, *cells in _columns(table)]
    for column, cells in zip(table.columns, texts, strict=True):
        heading = fold(column)
        # A number that is cut short is another number: however narrow the terminal, its column keeps its width.
        longest = max(len(line) for cell in (heading, *cells) for line in cell.splitlines() or [""])
        rendered.add_column(
            Text(heading),
            justify="right" if column in table.numeric else "left",
            no_wrap=column in whole,
            min_width=longest if column in whole else None,
            overflow="fold",
        )
    for row in zip(*texts, strict=True):
        rendered.add_row(*map(Text, row))
    return rendered


def _columns(table: ReportTable) -> list[tuple[str, ...]]:
    """Each column as its heading and its cells."""
    return list(zip(table.columns, *table.rows, strict=True))


def stacked(cell: str) -> str:
    """The interval or spread below its mean, a long heading or name in parts."""
    for before, after in (
        (" [", "\n["),
        (" ±", "\n±"),
        ("-reverse", "-\nreverse"),
        (" (", "\n("),
        (" right", "\nright"),
        (" bleu", "\nbleu"),
        (" in nats", "\nin nats"),
        ("/", "/\n"),
    ):
        cell = cell.replace(before, after)
    return cell


def natural_width(table: ReportTable) -> int:
    """Terminal columns of the table when nothing wraps: the longest cell of each column, with padding and separator."""
    longest = [max(len(cell) for cell in cells) for cells in zip(table.columns, *table.rows, strict=True)]
    return sum(longest) + 2 * len(longest)


def markdown(tables: Sequence[ReportTable], notes: Sequence[str] = ()) -> str:
    """A whole Markdown file."""
    parts = ["# Accuracy on the reversal benchmark"]
    for table in tables:
        parts += markdown_parts(table)
    if notes:
        parts += ["## Notes", "\n".join(f"- {markdown_text(note)}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def markdown_parts(table: ReportTable) -> list[str]:
    """Heading, table and note, whose text is no Markdown of its own."""
    align = ["right" if column in table.numeric else "left" for column in table.columns]
    rows = [[markdown_text(cell) for cell in row] for row in table.rows]
    columns = [markdown_text(column) for column in table.columns]
    body = tabulate(rows, columns, tablefmt="pipe", colalign=align, disable_numparse=True)
    return [f"## {markdown_text(table.title)}", body, markdown_text(table.note)]


def csv_text(frame: pd.DataFrame) -> str:
    """The tidy frame, nothing rounded; empty where a value has no interval. A text that begins like a formula has an
    apostrophe in front."""
    return frame.map(lambda value: spreadsheet_text(value) if isinstance(value, str) else value).to_csv(index=False)


def json_text(frame: pd.DataFrame) -> str:
    """The tidy frame as a list of records; null where a value has no interval."""
    without_nan = frame.astype(object).where(frame.notna(), None)
    return json.dumps(without_nan.to_dict("records"), indent=2, ensure_ascii=False) + "\n"


def write_reports(
    frame: pd.DataFrame, folder: Path, tables: Sequence[ReportTable], notes: Sequence[str] = ()
) -> Reports:
    """Writes accuracy.md (all the tables) and accuracy.csv (the tidy frame, every metric)."""
    reports = Reports(folder / "accuracy.md", folder / "accuracy.csv")
    write_text(reports.markdown, markdown(tables, notes))
    write_text(reports.csv, csv_text(frame))
    return reports
