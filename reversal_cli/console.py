"""Everything this package prints: results on stdout, messages and progress on stderr."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import Progress
from rich.table import Table

from reversal_cli.plain_text import LAYOUT, visible
from reversal_cli.progress import Advance, bar_display, bar_of_all, bar_stages, plain_stages
from reversal_cli.run_clock import RunClock
from reversal_cli.streams import writing_to_stdout

PIPE_WIDTH = 160
"""Columns of a table that is not printed on a terminal: in a log file it must not be cut at 80."""
LONGEST_ERROR = 2000
"""Characters; a longer message loses its middle."""

Show = Callable[[Callable[[int], RenderableType]], None]
"""`show(render)` shows `render(lines of the terminal)` in place of what it showed before."""


class Terminal:
    """The output of a command. `quiet` leaves only errors and results for a script."""

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self._place = ""
        self._bars: Progress | None = None
        """The display that the bars of several runs share."""
        self._warnings: set[str] = set()
        self._out = Console(soft_wrap=False, width=_width(sys.stdout), highlight=False)
        self._err = Console(stderr=True, soft_wrap=True, highlight=False)

    def say(self, message: str) -> None:
        """Prints one line of progress on stderr, so that stdout stays readable by a script."""
        if not self.quiet:
            self.fail(message)

    def warn(self, message: str) -> None:
        """Prints `warning: ...` on stderr, once for each message: the runs of an experiment share most of them."""
        if message not in self._warnings:
            self._warnings.add(message)
            self.say(f"warning: {message}")

    def fail(self, message: str) -> None:
        """Prints on stderr why the exit code will be 1, even with `--quiet`."""
        _print_message(self._err, message)

    @property
    def width(self) -> int:
        """Columns that a table may fill."""
        return self._out.width

    def show(self, table: RenderableType) -> None:
        """Prints a result for a reader on stdout."""
        if self.quiet:
            return
        with writing_to_stdout():
            if isinstance(table, str):
                self._out.print(visible(table, LAYOUT), markup=False, soft_wrap=True)
            else:
                self._out.print(table, markup=False)

    def silence_libraries(self) -> None:
        """Silences the progress bars and remarks of transformers; a download keeps its bar on a terminal."""
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
        """Prints a result for a script on stdout, unchanged, even with `--quiet`."""
        with writing_to_stdout():
            sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def begin_run(self, name: str, clock: RunClock) -> None:
        """Announces a run; its number stands at the start of every progress line of the run."""
        self._place = f"{clock.number}/{clock.runs}"
        self.say(clock.heading(name))

    @contextlib.contextmanager
    def several_runs(self, clock: RunClock) -> Iterator[Callable[[], None]]:
        """Inside, a terminal shows a bar per run under way, below one of all runs; the callable updates that one."""
        if self.quiet or not self._err.is_terminal:
            yield lambda: None
            return
        with bar_display(self._err) as display, bar_of_all(display, clock.runs) as update:
            self._bars = display
            try:
                yield lambda: update(clock.finished, clock.seconds_left())
            finally:
                self._bars = None

    @contextlib.contextmanager
    def live(self) -> Iterator[Show | None]:
        """Inside, a terminal keeps what is shown below all messages. None: there is no terminal, or `quiet`."""
        if self.quiet or not self._err.is_terminal:
            yield None
            return
        with Live(console=self._err, transient=True, redirect_stdout=False) as live:
            yield lambda render: live.update(render(self._err.height))

    @contextlib.contextmanager
    def progress(self, description: str, unit: str = "step") -> Iterator[Advance]:
        """A callable that shows progress: a bar per stage on a terminal, a few plain lines elsewhere."""
        description = visible(f"{self._place} {description}".strip())
        if self.quiet:
            yield lambda done, total=None, **fields: None
        elif self._bars is not None:
            with bar_stages(self._bars, description, shared=True) as advance:
                yield advance
        elif self._err.is_terminal:
            with bar_display(self._err) as display, bar_stages(display, description) as advance:
                yield advance
        else:
            yield plain_stages(description, unit, self.say)


def error_line(message: str) -> None:
    """Prints the last line of a failed command."""
    print_line(error_text(message))


def error_text(message: str) -> str:
    """That line. A message never spans lines: scripts read the last one."""
    line = " ".join(message.split())
    if len(line) > LONGEST_ERROR:
        line = f"{line[: LONGEST_ERROR // 2]} ... {line[-LONGEST_ERROR // 2 :]}"
    return f"error: {line}"


def print_line(line: str) -> None:
    """Prints on stderr."""
    _print_message(Console(stderr=True, soft_wrap=True, highlight=False), line)


def _print_message(console: Console, message: str) -> None:
    """Prints on stderr; ignores one that cannot be written, since there is nowhere left to report it."""
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
    """Columns of a table; None: rich finds out from the terminal or from COLUMNS."""
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
