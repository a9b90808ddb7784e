"""Tables for a terminal: numbers are never cut, long names wrap, and each note is printed once."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reversal_cli.report.compact import compact
from reversal_cli.report.rows import SPREAD
from reversal_cli.report.tables import ReportTable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

GAP = 2
"""Characters between two columns: the padding and the separator of the box."""
MUTED = "dim"
INDENT = "  "
CONTINUED = ", further columns"
SHORTEST_LABEL = 16
"""A longer name is cut inside a word if the table would not fit otherwise."""
LINES_BESIDE = 2
"""If names need more lines than this, intervals go below their means."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A formatted column of numbers."""

    heading: str
    cells: list["Text"]
    width: int
    justify: Literal["left", "right"]


def rich_tables(tables: Sequence[ReportTable], width: int) -> list["RenderableType"]:
    """Each table with the notes that no table before it has."""
    printed: set[str] = set()
    texts = []
    for table in tables:
        texts.append(rich_table(table, width, printed))
        printed |= {*compact(table).notes}
    return texts


def rich_table(table: ReportTable, width: int, printed: Collection[str] = ()) -> "RenderableType":
    """A table for a terminal of `width` columns, without the notes in `printed`.

    Intervals stand beside their means, or below them if names would need more than two lines. If that is still too
    wide, the last columns follow in a table of their own.
    """
    from rich.console import Group
    from rich.text import Text

    short = compact(table)
    notes = [note for note in short.notes if note not in printed]
    return Group(*_drawn(nested(short), width), "", Text("\n".join(notes)))


def _drawn(table: ReportTable, width: int) -> list["RenderableType"]:
    """The table, and those of the columns that find no room in it, each with its names again."""
    labels = {name: cells for name, *cells in _columns(table) if name not in table.numeric}
    numbers, rest = _fit_numbers(table, labels, width)
    drawn: list[RenderableType] = [_draw(table.title, labels, numbers, width)]
    if not rest:
        return drawn
    kept = [index for index, name in enumerate(table.columns) if name in (*labels, *rest)]
    columns, *rows = ([row[index] for index in kept] for row in (table.columns, *table.rows))
    title = f"{table.title.removesuffix(CONTINUED)}{CONTINUED}"
    return [*drawn, "", *_drawn(ReportTable(title, columns, rows, [], rest), width)]


def nested(table: ReportTable) -> ReportTable:
    """The table with the name of a reference, metric or subtask once, above its runs, and other names once per run."""
    if table.columns[:2] in (["reference", "experiment"], ["metric", "experiment"], ["subtask", "experiment"]):
        rows: list[list[str]] = []
        above = ""
        for first, experiment, *rest in table.rows:
            if experiment and first != above:
                rows.append([first, *[""] * len(rest)])
                above = first
            rows.append([f"{INDENT}{experiment}" if experiment else first, *rest])
        columns = [table.columns[0], *table.columns[2:]]
        table = ReportTable(table.title, columns, rows, table.notes, table.numeric, table.main)
    if "seed" not in table.columns:
        return table
    names = table.columns.index("seed")
    rows = [
        [*[""] * names, *row[names:]] if before[:names] == row[:names] else row
        for before, row in zip([[""], *table.rows], table.rows, strict=False)
    ]
    return ReportTable(table.title, table.columns, rows, table.notes, table.numeric, table.main)


def _columns(table: ReportTable) -> list[tuple[str, ...]]:
    """Each column as its heading and its cells."""
    return list(zip(table.columns, *table.rows, strict=True))


def _fit_numbers(table: ReportTable, labels: dict[str, list[str]], width: int) -> tuple[list[Numbers], list[str]]:
    """The columns of numbers that fit, and the names of those that do not."""
    columns = [column for column in _columns(table) if column[0] in table.numeric]
    beside = [_numbers(name, cells, stack=False) for name, *cells in columns]
    room = width - _width(beside)
    widths = _label_widths(labels, room)
    if widths is not None and _lines(labels, widths) <= LINES_BESIDE:
        return beside, []
    below = [_numbers(name, cells, stack=True) for name, *cells in columns]
    left_out: list[str] = []
    while len(below) > 1 and _label_widths(labels, width - _width(below)) is None:
        left_out.insert(0, columns[len(below) - 1][0])
        below.pop()
    return below, left_out


def _width(numbers: Sequence[Numbers]) -> int:
    return sum(GAP + column.width for column in numbers)


def _label_widths(labels: dict[str, list[str]], room: int) -> list[int] | None:
    """Width of each column of names in characters; the widest shrinks first. None if the names do not fit."""
    texts = [[name, *cells] for name, cells in labels.items()]
    widths = [max(map(len, column)) for column in texts]
    least = [max(min(_longest_part(text), SHORTEST_LABEL) for text in column) for column in texts]
    room -= GAP * (len(widths) - 1)
    while sum(widths) > room:
        flexible = [index for index, width in enumerate(widths) if width > least[index]]
        if not flexible:
            return None
        widths[max(flexible, key=widths.__getitem__)] -= 1
    return widths


def _lines(labels: dict[str, list[str]], widths: Sequence[int]) -> int:
    columns = zip(labels.values(), widths, strict=True)
    return max((fold(cell, width).count("\n") + 1 for cells, width in columns for cell in cells), default=1)


def _parts(text: str) -> list[str]:
    """`["tiny-", "llama-", "ntp"]`: a line may end after each part."""
    return re.split(r"(?<=[-/_ ,])(?=\S)", text)


def _longest_part(text: str) -> int:
    indent = len(text) - len(text.lstrip())
    return indent + max(len(part.rstrip()) for part in _parts(text.strip()))


def fold(text: str, width: int) -> str:
    """The text in lines of at most `width`, broken after a hyphen, slash, underscore or space.

    >>> fold("tiny-llama-untrained", 12)
    'tiny-llama-\\nuntrained'
    """
    indent = text[: len(text) - len(text.lstrip())]
    lines = [""]
    for part in _parts(text.strip()):
        if lines[-1] and len(indent + lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
        while len(indent + lines[-1].rstrip()) > width > len(indent):
            cut = width - len(indent)
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return "\n".join(indent + line.rstrip() for line in lines)


def stacked(heading: str) -> str:
    """A long heading in two lines."""
    for before, after in (
        ("-reverse", "-\nreverse"),
        (" (", "\n("),
        (" right", "\nright"),
        (" bleu", "\nbleu"),
        (" reversed", "\nreversed"),
    ):
        heading = heading.replace(before, after)
    return heading.replace(" in nats", "\nin nats")


def _numbers(name: str, cells: Sequence[str], stack: bool) -> Numbers:
    """A column with its means aligned at the decimal point and its intervals muted, beside or below their means."""
    matches = [SPREAD.fullmatch(cell) for cell in cells]
    means = [match["mean"] if match else cell for match, cell in zip(matches, cells, strict=True)]
    spreads = [match["spread"] if match else "" for match in matches]
    mean_width, spread_width = max(map(len, means), default=0), max(map(len, spreads), default=0)
    if stack or not spread_width:
        heading = stacked(name) if stack else name
        texts = [_below(*cell) for cell in zip(means, spreads, strict=True)]
        return Numbers(heading, texts, max(map(len, [*heading.splitlines(), *means, *spreads])), "right")
    texts = [
        _beside(mean.rjust(mean_width), spread.ljust(spread_width)) for mean, spread in zip(means, spreads, strict=True)
    ]
    heading = name.rjust(mean_width)
    return Numbers(heading, texts, max(len(heading), mean_width + 1 + spread_width), "left")


def _below(mean: str, spread: str) -> "Text":
    from rich.text import Text

    return Text.assemble(mean, ("\n" + spread, MUTED)) if spread else Text(mean)


def _beside(mean: str, spread: str) -> "Text":
    from rich.text import Text

    return Text.assemble(mean, " ", (spread, MUTED))


def _draw(title: str, labels: dict[str, list[str]], numbers: Sequence[Numbers], width: int) -> "RenderableType":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    table.title_justify = "left"
    widths = _label_widths(labels, width - _width(numbers)) or [SHORTEST_LABEL] * len(labels)
    for name, label_width in zip(labels, widths, strict=True):
        table.add_column(Text(fold(name, label_width)), width=label_width)
    for column in numbers:
        table.add_column(Text(column.heading), width=column.width, justify=column.justify, no_wrap=True)
    names = [[Text(fold(cell, of)) for cell in cells] for cells, of in zip(labels.values(), widths, strict=True)]
    for row in zip(*names, *(column.cells for column in numbers), strict=True):
        table.add_row(*row)
    return table
