"""Everything this package prints: results on stdout, messages and progress on stderr."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from reversal_cli.plain_text import LAYOUT, visible
from reversal_cli.progress import Advance, RunClock, bar_stages, clock_time, plain_stages
from reversal_cli.streams import writing_to_stdout

PIPE_WIDTH = 160
"""Columns where there is no terminal to ask: a table in a log file must not be cut at 80."""
LONGEST_ERROR = 2000
"""Characters; of a longer message the middle is left out."""


class Terminal:
    """Where a command prints. `quiet` leaves only results that were asked for, and errors."""

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self._place = ""
        self._out = Console(soft_wrap=False, width=_width(sys.stdout), highlight=False)
        self._err = Console(stderr=True, soft_wrap=True, highlight=False)

    def say(self, message: str) -> None:
        """One line for the person who waits: stderr, so that stdout stays readable by a script."""
        if not self.quiet:
            self.fail(message)

    def fail(self, message: str) -> None:
        """One line on why the exit code will be 1: stderr, `--quiet` or not."""
        _print_message(self._err, message)

    @property
    def width(self) -> int:
        """Columns that a table may fill."""
        return self._out.width

    def show(self, table: RenderableType) -> None:
        """A result for a person: stdout."""
        if self.quiet:
            return
        with writing_to_stdout():
            if isinstance(table, str):
                self._out.print(visible(table, LAYOUT), markup=False, soft_wrap=True)
            else:
                self._out.print(table, markup=False)

    def silence_libraries(self) -> None:
        """Keeps the bars and remarks of transformers out of ours; a download's bar stays, where someone can see it."""
        import warnings

        from huggingface_hub.utils import enable_progress_bars
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        warnings.filterwarnings("ignore", category=FutureWarning, message="`past_key_values` is deprecated")
        if self._err.is_terminal and not self.quiet:
            enable_progress_bars()

    def write(self, text: str) -> None:
        """A result for a script, byte for byte, `--quiet` or not: stdout."""
        with writing_to_stdout():
            sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def begin_run(self, name: str, clock: RunClock) -> None:
        """Says which run of how many begins; its number stands before every progress line of it."""
        left = clock.seconds_left()
        rest = "" if left is None else f"; about {clock_time(left)} left for all runs"
        self._place = f"{clock.number}/{clock.runs}"
        self.say(f"run {clock.number} of {clock.runs}: {name}{rest}")

    @contextlib.contextmanager
    def progress(self, description: str, unit: str = "step") -> Iterator[Advance]:
        """A callable that shows how far the work is: a bar per stage on a terminal, a few plain lines elsewhere."""
        description = visible(f"{self._place} {description}".strip())
        if self.quiet:
            yield lambda done, total=None, **fields: None
        elif self._err.is_terminal:
            with bar_stages(self._err, description) as advance:
                yield advance
        else:
            yield plain_stages(description, unit, self.say)


def error_line(message: str) -> None:
    """The one line a failed command ends with. A message never spans lines: scripts read the last one."""
    line = " ".join(message.split())
    if len(line) > LONGEST_ERROR:
        line = f"{line[: LONGEST_ERROR // 2]} ... {line[-LONGEST_ERROR // 2 :]}"
    _print_message(Console(stderr=True, soft_wrap=True, highlight=False), f"error: {line}")


def _print_message(console: Console, message: str) -> None:
    """A stderr that takes nothing is nothing to stop for: there is nowhere left to say so."""
    with contextlib.suppress(OSError):
        console.print(visible(message, LAYOUT), markup=False)


def make_table(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    """A plain rich table; cells are text, never markup."""
    from rich.text import Text

    table = Table(title=Text(visible(title), style="table.title"), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def _width(stream: Any) -> int | None:
    """None lets rich ask the terminal (or COLUMNS)."""
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
