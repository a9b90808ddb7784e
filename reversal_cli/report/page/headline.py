"""The first screen of the page: a sentence and a bar per subtask for each row of the accuracy table."""

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.compact import compact
from reversal_cli.report.metric_names import ACCURACY
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
    untrained: bool


def headline_html(tables: Sequence[ReportTable]) -> str:
    """A section per accuracy table; empty without one."""
    return "\n".join(_section(table) for table in tables if is_accuracy(table) and table.rows)


def is_accuracy(table: ReportTable) -> bool:
    return table.columns[:1] == ["experiment"] and {"seed", *SUBTASKS} <= set(table.columns)


def headline_rows(table: ReportTable) -> list[Row]:
    """The rows of the table; for several seeds only their mean."""
    objectives = [dict(zip(table.columns, row, strict=True)).get("objective") for row in table.rows]
    table = compact(table)
    rows = []
    names = [column for column in table.columns if column not in SUBTASKS]
    means = {tuple(row[: len(names) - 1]) for row in table.rows if "seed" in names and "mean" in row}
    for texts, objective in zip(table.rows, objectives, strict=True):
        cells = dict(zip(table.columns, texts, strict=True))
        seed = cells.get("seed")
        if seed not in (None, "mean") and tuple(texts[: len(names) - 1]) in means:
            continue
        words = [cells[name] for name in names if name != "seed"]
        last = [] if seed is None else ["mean of seeds" if seed == "mean" else f"seed {seed}"]
        name = ", ".join(filter(None, [*words, *last]))
        rows.append(Row(name, {subtask: cells[subtask] for subtask in SUBTASKS}, objective == "none"))
    return rows


def sentence(row: Row) -> str:
    """`87.8 % and 99.8 % as trained; reversed, 0.0 % of the names and 0.0 % of the descriptions.`"""
    shares = {subtask: _percent(cell) for subtask, cell in row.cells.items()}
    start = "Untrained" if row.untrained else "As trained"
    return (
        f"{start}, {shares['N2D']} of the descriptions and {shares['D2N']} of the names; reversed, "
        f"{shares['N2D-reverse']} of the names and {shares['D2N-reverse']} of the descriptions."
    )


def _percent(cell: str) -> str:
    mean = cell.split(" ")[0]
    return f"{mean} %" if NUMBER.fullmatch(mean) else "an unknown share"


def _section(table: ReportTable) -> str:
    rows = headline_rows(table)
    of_shares = table.title.startswith(ACCURACY)
    items = "\n".join(_item(row, of_shares) for row in rows[:MOST_ROWS])
    more = f'<p class="note">{len(rows) - MOST_ROWS} more rows are in the table below.</p>' if rows[MOST_ROWS:] else ""
    title = escape(table.title)
    return f"""<section class="headline">
<h2>{title}, percent</h2>
<ol>
{items}
</ol>
{more}
<p class="note">Bar: mean of a subtask; thick line: its 95 % interval; thin line with end marks: the standard
deviation over seeds, which is no interval. Strong bars: the reversed direction.</p>
</section>"""


def _item(row: Row, of_shares: bool) -> str:
    """of_shares: the numbers are shares of the prompts, of which the sentence speaks."""
    bars = "".join(_bar(subtask, cell) for subtask, cell in row.cells.items())
    words = f'<p class="name">{escape(row.name)}</p>'
    if of_shares:
        words += f'<p class="sentence">{escape(sentence(row))}</p>'
    return f'<li><div class="words">{words}</div><div class="bars">{bars}</div></li>'


def _bar(subtask: str, cell: str) -> str:
    """A bar as SVG with sizes in percent, since the policy of the page forbids inline styles."""
    reverse = " reverse" if subtask.endswith("-reverse") else ""
    mean, low, high = _numbers(cell)
    value = "–" if mean is None else f"{mean:.1f}"
    shapes = "" if mean is None else f'<rect class="fill" width="{mean:g}%" height="100%"/>'
    if low is not None and high is not None:
        shapes += _deviation(low, high) if "±" in cell else _line("interval", low, high, 50, 50)
    svg = f'<svg aria-hidden="true"><rect class="track" width="100%" height="100%"/>{shapes}</svg>'
    return f'<div class="bar{reverse}"><span>{escape(subtask)}</span> <span class="value">{value}</span>{svg}</div>'


def _deviation(low: float, high: float) -> str:
    """A thin line with marks at its ends, unlike that of an interval."""
    ends = (_line("deviation", x, x, 15, 85) for x in (low, high))
    return _line("deviation", low, high, 50, 50) + "".join(ends)


def _line(kind: str, x1: float, x2: float, y1: int, y2: int) -> str:
    return f'<line class="{kind}" x1="{x1:g}%" x2="{x2:g}%" y1="{y1}%" y2="{y2}%"/>'


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
