"""Everything this package prints: results on stdout, messages and progress on stderr."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from reversal_cli.plain_text import LAYOUT, visible
from reversal_cli.streams import writing_to_stdout

PIPE_WIDTH = 160
"""Columns where there is no terminal to ask: a table in a log file must not be cut at 80."""
LINE_SECONDS = 10.0
"""Off a terminal, at least this long between two progress lines ..."""
LINE_SECONDS_AT_MOST = 60.0
"""... and one only when another tenth of the work is done, or after a minute."""

LONGEST_ERROR = 2000
"""Characters; of a longer message the middle is left out."""

Advance = Callable[..., None]
"""`advance(done, total=None, **fields)`: units done so far, out of `total`, with numbers such as `loss` to show."""


class Terminal:
    """Where a command prints. `quiet` leaves only results that were asked for, and errors."""

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
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

    @contextlib.contextmanager
    def progress(self, description: str, unit: str = "step") -> Iterator[Advance]:
        """A callable that shows how far the work is: a bar on a terminal, a few plain lines elsewhere."""
        description = visible(description)
        if self.quiet:
            yield lambda done, total=None, **fields: None
        elif self._err.is_terminal:
            with _bar(self._err, description) as advance:
                yield advance
        else:
            yield PlainProgress(description, unit, self.say)


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


class PlainProgress:
    """Progress as lines: `finetune tiny-llama bico: step 340/1130 (30 %), loss 1.23, 0:42 left`."""

    def __init__(
        self, description: str, unit: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ):
        self.description = description
        self.unit = unit
        self._say = say
        self._clock = clock
        self._last_time = clock()
        self._last_tenth = 0
        self._finished = False
        self._first: tuple[int, float] | None = None

    def __call__(self, done: int, total: int | None = None, **fields: Any) -> None:
        now = self._clock()
        tenth = 10 * done // total if total else 0
        if self._first is None:
            # Speed counts from here: a resumed run begins at step 300, and the first step waits for the model to load.
            self._first = (done, now)
            self._last_tenth = tenth
        waited = now - self._last_time
        due = waited >= LINE_SECONDS and (tenth > self._last_tenth or waited >= LINE_SECONDS_AT_MOST)
        finished = bool(total and done >= total)
        if not (due or (finished and not self._finished)):
            return
        self._finished = finished
        self._last_time, self._last_tenth = now, tenth
        parts = [f"{self.unit} {done}/{total} ({100 * done // total} %)" if total else f"{self.unit} {done}"]
        parts += _numbers(fields)
        first_done, first_time = self._first
        if total and first_done < done < total:
            parts.append(f"{clock_time((now - first_time) / (done - first_done) * (total - done))} left")
        self._say(f"{self.description}: {', '.join(parts)}")


@contextlib.contextmanager
def _bar(console: Console, description: str) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(description, total=None, numbers="")

        def advance(done: int, total: int | None = None, **fields: Any) -> None:
            bar.update(task, completed=done, total=total, numbers=" ".join(_numbers(fields)))

        yield advance


def clock_time(seconds: float) -> str:
    """`0:42`, `12:05`, `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _numbers(fields: dict[str, Any]) -> list[str]:
    """`loss 1.23` and the like; a loss that is not known yet (NaN) is left out."""
    known = {name: value for name, value in fields.items() if value == value}
    return [f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in known.items()]


def _width(stream: Any) -> int | None:
    """None lets rich ask the terminal (or COLUMNS)."""
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
