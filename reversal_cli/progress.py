"""Progress: a bar per stage on a terminal, plain lines elsewhere; the time left is estimated for each stage."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

LINE_SECONDS = 10.0
"""The shortest time between two progress lines off a terminal ..."""
LINE_SECONDS_AT_MOST = 60.0
"""... and the longest; between the two, a line is printed when another tenth of the work is done."""
BAR_SHARE = 8
"""The bar takes one eighth of the terminal's columns."""
LOADING = "loading"
"""The stage before the first step is done."""

Advance = Callable[..., None]
"""`advance(done, total=None, stage="", part="", **fields)`: units of the stage done so far, out of `total`; `part` is
the current part of the stage, such as a subtask; fields are numbers to show, such as `loss`."""
Clock = Callable[[], float]


class Pace:
    """The time that a stage still needs, estimated from its own steps, without loading and other stages."""

    def __init__(self, clock: Clock = time.monotonic):
        self._clock = clock
        self._last: tuple[int, float] | None = None
        self._warm = False
        self._seconds = 0.0
        self._units = 0

    def pause(self) -> None:
        """Stops counting time: another stage has begun."""
        self._last = None

    def seconds_left(self, done: int, total: int | None) -> float | None:
        """To be called whenever `done` has changed. None if there is no estimate yet, or nothing is left."""
        now = self._clock()
        before, self._last = self._last, self._last or (done, now)
        if before is not None and done != before[0]:
            if self._warm and done > before[0]:
                self._units += done - before[0]
                self._seconds += now - before[1]
            self._warm = True  # the first step is slower: the model is loaded, or compiled
            self._last = (done, now)
        if not total or done >= total or not self._units:
            return None
        return self._seconds / self._units * (total - done)


class PlainProgress:
    """Progress as lines: `finetune tiny-llama bico: step 340/1130 (30 %), loss 1.23, 0:42 left`."""

    def __init__(self, description: str, unit: str, say: Callable[[str], None], clock: Clock = time.monotonic):
        self.description = description
        self.unit = unit
        self.pace = Pace(clock)
        self._say = say
        self._clock = clock
        self._last_time = clock()
        self._last_tenth: int | None = None
        self._finished = False

    def __call__(self, done: int, total: int | None = None, **fields: Any) -> None:
        now = self._clock()
        left = self.pace.seconds_left(done, total)
        tenth = 10 * done // total if total else 0
        if self._last_tenth is None:
            self._last_tenth = tenth  # a continued training does not begin at 0
        waited = now - self._last_time
        due = waited >= LINE_SECONDS and (tenth != self._last_tenth or waited >= LINE_SECONDS_AT_MOST)
        finished = total is not None and 0 < total <= done
        if not (due or (finished and not self._finished)):
            return
        self._finished = finished
        self._last_time, self._last_tenth = now, tenth
        parts = [f"{self.unit} {done}/{total} ({100 * done // total} %)".strip() if total else f"{self.unit} {done}"]
        parts += _numbers(fields)
        parts += filter(None, [_left(left)])
        self._say(f"{self.description}: {', '.join(parts)}")


def plain_stages(description: str, unit: str, say: Callable[[str], None], clock: Clock = time.monotonic) -> Advance:
    """A `PlainProgress` per stage."""
    stages: dict[str, PlainProgress] = {}

    def advance(done: int, total: int | None = None, stage: str = "", part: str = "", **fields: Any) -> None:
        for name, other in stages.items():
            if name != stage:
                other.pace.pause()
        if stage not in stages:
            words = " ".join(filter(None, (description, stage)))
            stages[stage] = PlainProgress(words, "" if stage else unit, say, clock)
        stages[stage](done, total, **({"at": part} if part else {}), **fields)

    return advance


def bar_display(console: Console) -> Progress:
    """A place for bars, to be used as a context; on a narrow terminal the words are cut, the numbers never."""
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=max(6, console.width // BAR_SHARE)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn(
            "{task.fields[left]}", markup=False, justify="right", table_column=Column(min_width=9, no_wrap=True)
        ),
    )
    return Progress(*columns, console=console, transient=True, expand=True)


@contextlib.contextmanager
def bar_stages(
    display: Progress, description: str, clock: Clock = time.monotonic, shared: bool = False
) -> Iterator[Advance]:
    """A bar per stage. shared: beside bars of other runs; then only the current stage has one, and none at the end."""
    tasks = {LOADING: display.add_task(f"{description} {LOADING}", total=None, left="")}
    paces: dict[str, Pace] = {}

    def advance(done: int, total: int | None = None, stage: str = "", part: str = "", **fields: Any) -> None:
        for name, pace in paces.items():
            if name != stage:
                pace.pause()
        if stage not in tasks:
            tasks[stage] = display.add_task("", total=total, left="")
        left = paces.setdefault(stage, Pace(clock)).seconds_left(done, total)
        words = " ".join(filter(None, (description, stage, part, *_numbers(fields))))
        display.update(tasks[stage], description=words, completed=done, total=total, left=_left(left))
        for name, task in tasks.items():
            if name == LOADING or shared:
                display.update(task, visible=name == stage)

    try:
        yield advance
    finally:
        for task in tasks.values() if shared else ():
            display.remove_task(task)


@contextlib.contextmanager
def bar_of_all(display: Progress, total: int) -> Iterator[Callable[[int, float | None], None]]:
    """A bar that counts the runs; a callable for (runs that have ended, seconds left for all)."""
    task = display.add_task("all runs", total=total, left="")
    yield lambda done, left: display.update(task, completed=done, left=_left(left))


def sum_of_parts(advance: Advance, totals: Mapping[str, int]) -> Callable[[str, str, int], None]:
    """A callable for (stage, part, units of the part done) that adds up the parts of each stage."""
    done: dict[str, dict[str, int]] = {stage: {} for stage in totals}

    def on_progress(stage: str, part: str, of_part: int) -> None:
        done[stage][part] = of_part
        advance(sum(done[stage].values()), totals[stage], stage=stage, part=part)

    return on_progress


def clock_time(seconds: float) -> str:
    """`0:42`, `12:05`, `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def rough_time(seconds: float) -> str:
    """For an estimate, after "about".

    >>> rough_time(1), rough_time(42), rough_time(900), rough_time(7800)
    ('5 s', '40 s', '15 min', '2 h 10 min')
    """
    if seconds < 58:
        return f"{max(5, 5 * round(seconds / 5))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{clock_time(seconds)} left"


def _numbers(fields: dict[str, Any]) -> list[str]:
    """`loss 1.23` and the like, without numbers that are not known yet (NaN)."""
    numbers = {name: value for name, value in fields.items() if value == value}
    return [f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in numbers.items()]
