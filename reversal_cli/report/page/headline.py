"""The first screen of the page: a sentence and a bar per subtask for each row of the accuracy table."""

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.compact import compact
from reversal_cli.report.rows import SPREAD
from reversal_cli.report.tables import ReportTable

MOST_ROWS = 12
"""More do not fit a screen; the table below has them all."""
NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Row(NamedTuple):
    """One row of the accuracy table."""

    name: str
    cells: dict[str, str]
    """Subtask -> cell of the table."""


def headline_html(tables: Sequence[ReportTable]) -> str:
    """A section per accuracy table; empty without one."""
    return "\n".join(_section(compact(table)) for table in tables if is_accuracy(table) and table.rows)


def is_accuracy(table: ReportTable) -> bool:
    return table.columns[:1] == ["experiment"] and set(SUBTASKS) <= set(table.columns)


def headline_rows(table: ReportTable) -> list[Row]:
    """The rows of the table; for several seeds only their mean."""
    rows = []
    names = [column for column in table.columns if column not in SUBTASKS]
    means = {tuple(row[: len(names) - 1]) for row in table.rows if "seed" in names and "mean" in row}
    for texts in table.rows:
        cells = dict(zip(table.columns, texts, strict=True))
        seed = cells.get("seed")
        if seed not in (None, "mean") and tuple(texts[: len(names) - 1]) in means:
            continue
        words = [cells[name] for name in names if name != "seed"]
        last = [] if seed is None else ["mean of seeds" if seed == "mean" else f"seed {seed}"]
        rows.append(Row(", ".join(filter(None, [*words, *last])), {subtask: cells[subtask] for subtask in SUBTASKS}))
    return rows


def sentence(row: Row) -> str:
    """`87.8 % and 99.8 % as trained; reversed, 0.0 % of the names and 0.0 % of the descriptions.`"""
    shares = {subtask: _percent(cell) for subtask, cell in row.cells.items()}
    return (
        f"As trained, {shares['N2D']} of the descriptions and {shares['D2N']} of the names; reversed, "
        f"{shares['N2D-reverse']} of the names and {shares['D2N-reverse']} of the descriptions."
    )


def _percent(cell: str) -> str:
    mean = cell.split(" ")[0]
    return f"{mean} %" if NUMBER.fullmatch(mean) else "an unknown share"


def _section(table: ReportTable) -> str:
    rows = headline_rows(table)
    items = "\n".join(_item(row) for row in rows[:MOST_ROWS])
    more = f'<p class="note">{len(rows) - MOST_ROWS} more rows are in the table below.</p>' if rows[MOST_ROWS:] else ""
    title = escape(table.title)
    return f"""<section class="headline">
<h2>{title}, percent</h2>
<ol>
{items}
</ol>
{more}
<p class="note">Bar: accuracy of a subtask; line: its 95 % interval, or the standard deviation over seeds. Strong bars:
the reversed direction.</p>
</section>"""


def _item(row: Row) -> str:
    bars = "".join(_bar(subtask, cell) for subtask, cell in row.cells.items())
    words = f'<p class="name">{escape(row.name)}</p><p class="sentence">{escape(sentence(row))}</p>'
    return f'<li><div class="words">{words}</div><div class="bars">{bars}</div></li>'


def _bar(subtask: str, cell: str) -> str:
    """A bar as SVG with sizes in percent, since the policy of the page forbids inline styles."""
    reverse = " reverse" if subtask.endswith("-reverse") else ""
    mean, low, high = _numbers(cell)
    value = "–" if mean is None else f"{mean:.1f}"
    shapes = "" if mean is None else f'<rect class="fill" width="{mean:g}%" height="100%"/>'
    if low is not None and high is not None:
        shapes += f'<line class="interval" x1="{low:g}%" x2="{high:g}%" y1="50%" y2="50%"/>'
    svg = f'<svg aria-hidden="true"><rect class="track" width="100%" height="100%"/>{shapes}</svg>'
    return f'<div class="bar{reverse}"><span>{escape(subtask)}</span> <span class="value">{value}</span>{svg}</div>'


def _numbers(cell: str) -> tuple[float | None, float | None, float | None]:
    """Mean, low and high of a cell, each in [0, 100], or None."""
    match = SPREAD.fullmatch(cell)
    mean_text = match["mean"] if match else cell
    if not NUMBER.fullmatch(mean_text):
        return None, None, None
    mean = float(mean_text)
    numbers = [float(number) for number in NUMBER.findall(match["spread"])] if match else []
    if len(numbers) == 2:
        return mean, numbers[0], numbers[1]
    if len(numbers) == 1:
        return mean, max(0.0, mean - numbers[0]), min(100.0, mean + numbers[0])
    return mean, None, None
