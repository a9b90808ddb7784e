"""Results that others published on this benchmark, as a separate table.

published.csv holds one value per line, in percent and with the source's name of its metric. `exactness` is "exact" if
the source prints the value, "approximate" if it rounds it, and "abstract only" if only its abstract has it; `read` is
whether the value comes from the full text, the abstract, or second hand.
"""

import csv
from pathlib import Path
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.rows import MISSING
from reversal_cli.report.tables import ReportTable

TABLE = Path(__file__).with_name("published.csv")


class Published(NamedTuple):
    """One line of published.csv."""

    method: str
    model: str
    subtask: str
    metric: str
    value: str
    """Percent, digits as published."""
    spread: str
    """`± 2.1, 3 seeds`; empty if the source gives none."""
    exactness: str
    read: str
    source: str


def read_published() -> list[Published]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Published(**line) for line in csv.DictReader(file)]


def published_table() -> ReportTable:
    """A row per method, model, metric and source; the note lists the sources."""
    lines = read_published()
    sources = list(dict.fromkeys(source_text(line) for line in lines))
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for line in lines:
        number = f"[{sources.index(source_text(line)) + 1}]"
        rows.setdefault((line.method, line.model, line.metric, number), {})[line.subtask] = value_text(line)
    columns = ["method", "model", "their metric", *SUBTASKS, "source"]
    cells = [
        [*label[:-1], *(by_subtask.get(subtask, MISSING) for subtask in SUBTASKS), label[-1]]
        for label, by_subtask in rows.items()
    ]
    notes = [
        "Percent, as the sources print it: other metrics, models, prompts and partly other entities, with no interval "
        "over entities; they show what was claimed and cannot rank the rows above.",
        *(f"[{number}] {source}." for number, source in enumerate(sources, start=1)),
    ]
    title = "Published elsewhere, other metrics: not comparable row by row"
    return ReportTable(title, columns, cells, notes, list(SUBTASKS))


def source_text(line: Published) -> str:
    return f"{line.source}; {line.exactness}, read: {line.read}"


def value_text(line: Published) -> str:
    """`50.0 ± 2.1`, `~70`."""
    about = "" if line.exactness == "exact" else "~"
    spread = line.spread.split(",")[0]
    return f"{about}{line.value} {spread}".strip()
