"""Progress: a bar per stage on a terminal, plain lines elsewhere; the time left is estimated for each stage."""

import contextlib
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
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
        if left is not None:
            parts.append(f"{clock_time(left)} left")
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


@contextlib.contextmanager
def bar_stages(console: Console, description: str, clock: Clock = time.monotonic) -> Iterator[Advance]:
    """A bar per stage; on a narrow terminal the words are cut, the numbers never."""
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=max(6, console.width // BAR_SHARE)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn(
            "{task.fields[left]}", markup=False, justify="right", table_column=Column(min_width=9, no_wrap=True)
        ),
    )
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        tasks = {LOADING: bar.add_task(f"{description} {LOADING}", total=None, left="")}
        paces: dict[str, Pace] = {}

        def advance(done: int, total: int | None = None, stage: str = "", part: str = "", **fields: Any) -> None:
            for name, pace in paces.items():
                if name != stage:
                    pace.pause()
            if stage not in tasks:
                tasks[stage] = bar.add_task("", total=total, left="")
            left = paces.setdefault(stage, Pace(clock)).seconds_left(done, total)
            words = " ".join(filter(None, (description, stage, part, *_numbers(fields))))
            text = "" if left is None else f"{clock_time(left)} left"
            bar.update(tasks[stage], description=words, completed=done, total=total, left=text)
            bar.update(tasks[LOADING], visible=stage == LOADING)

        yield advance


def sum_of_parts(advance: Advance, totals: Mapping[str, int]) -> Callable[[str, str, int], None]:
    """A callable for (stage, part, units of the part done) that adds up the parts of each stage."""
    done: dict[str, dict[str, int]] = {stage: {} for stage in totals}

    def on_progress(stage: str, part: str, of_part: int) -> None:
        done[stage][part] = of_part
        advance(sum(done[stage].values()), totals[stage], stage=stage, part=part)

    return on_progress


class RunClock:
    """The number of the current run, and the time left for all runs, estimated from those that have finished."""

    def __init__(self, kinds: Sequence[Hashable], epochs: Sequence[int] = (), clock: Clock = time.monotonic):
        """kinds: one per run, in order; runs of one kind take about the same time, None is a run already complete.
        epochs: of each run's training, 0 for an untrained run; empty: not known."""
        self.runs = len(kinds)
        self._waiting = list(zip(kinds, epochs or [0] * len(kinds), strict=True))
        self._clock = clock
        self._began = clock()
        self._taken: dict[Hashable, list[float]] = {}
        self._per_epoch: list[float] = []

    def finish(self) -> None:
        """Ends the current run."""
        now = self._clock()
        kind, epochs = self._waiting.pop(0)
        self._taken.setdefault(kind, []).append(now - self._began)
        if kind is not None and epochs:
            self._per_epoch.append((now - self._began) / epochs)
        self._began = now

    @property
    def number(self) -> int:
        """The number of the current run, from 1."""
        return self.runs - len(self._waiting) + 1

    def seconds_left(self) -> float | None:
        """A run takes the mean time of its kind or, if none of its kind has finished, that of other trainings by the
        epoch. None until that is known: a baseline does not show how long training takes."""
        times = [self._estimate(kind, epochs) for kind, epochs in self._waiting if kind is not None]
        known = [seconds for seconds in times if seconds is not None]
        return sum(known) if known and len(known) == len(times) else None

    def _estimate(self, kind: Hashable, epochs: int) -> float | None:
        if kind in self._taken:
            return statistics.mean(self._taken[kind])
        return epochs * statistics.mean(self._per_epoch) if epochs and self._per_epoch else None

    def total(self) -> str:
        """`all 3 runs in 1:27`: the time since the first run began."""
        seconds = sum(map(sum, self._taken.values()))
        return f"{'1 run' if self.runs == 1 else f'all {self.runs} runs'} in {clock_time(seconds)}"


def clock_time(seconds: float) -> str:
    """`0:42`, `12:05`, `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _numbers(fields: dict[str, Any]) -> list[str]:
    """`loss 1.23` and the like, without numbers that are not known yet (NaN)."""
    numbers = {name: value for name, value in fields.items() if value == value}
    return [f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in numbers.items()]
