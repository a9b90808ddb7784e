"""A table of all runs of a cluster: state, node, stage, progress and time left."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from reversal_cli.plain_text import visible
from reversal_cli.progress import Advance, Pace, clock_time

State = Literal["running", "retrying", "failed", "waiting", "done"]
SHOWN_FIRST: tuple[State, ...] = ("running", "retrying", "failed", "waiting", "done")
"""The order of the states if a terminal does not have a line for every run."""
OTHER_LINES = 3
"""Lines beside the rows: the head, the line below, and the last of the terminal."""


@dataclass
class RunState:
    """What is shown of one run."""

    name: str
    state: State = "waiting"
    node: str = ""
    stage: str = ""
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None
    _paces: dict[str, Pace] = field(default_factory=dict)

    @contextlib.contextmanager
    def progress(self, description: str, unit: str) -> Iterator[Advance]:
        """As `Terminal.progress`, into this row."""
        self._paces = {}
        self.stage = description

        def advance(done: int, total: int | None = None, stage: str = "", part: str = "", **fields: object) -> None:
            for name, pace in self._paces.items():
                if name != stage:
                    pace.pause()
            self.stage = " ".join(filter(None, (description, stage, part)))
            self.done, self.total = done, total
            self.seconds_left = self._paces.setdefault(stage, Pace()).seconds_left(done, total)

        yield advance
        self.stage, self.total, self.seconds_left = "", None, None

    def cells(self) -> tuple[str, ...]:
        """run, state, node, stage, progress, time left."""
        progress = f"{self.done}/{self.total}" if self.total else ""
        left = "" if self.seconds_left is None else clock_time(self.seconds_left)
        return self.name, self.state, self.node, self.stage, progress, left


def state_table(runs: Sequence[RunState], seconds_left: float | None, height: int) -> Group:
    """A row per run, in at most `height` lines; below them how many runs are in which state, and the time left."""
    table = Table(box=None, pad_edge=False)
    for column in ("run", "state", "node", "stage"):
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for column in ("progress", "left"):
        table.add_column(column, no_wrap=True, justify="right")
    rows = max(1, height - OTHER_LINES)
    shown = sorted(runs, key=lambda run: SHOWN_FIRST.index(run.state))[:rows] if len(runs) > rows else runs
    for run in shown:
        table.add_row(*(Text(visible(cell)) for cell in run.cells()))
    counts = {state: sum(run.state == state for run in runs) for state in SHOWN_FIRST}
    words = ["1 run" if len(runs) == 1 else f"{len(runs)} runs"]
    words += [f"{count} {state}" for state, count in counts.items() if count]
    words += [] if seconds_left is None else [f"about {clock_time(seconds_left)} left"]
    return Group(table, Text(", ".join(words), no_wrap=True, overflow="ellipsis"))
