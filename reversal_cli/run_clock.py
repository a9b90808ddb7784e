"""The time left for all runs of a command, estimated from those that have finished."""

import heapq
import statistics
import time
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from reversal_cli.progress import Clock, clock_time


class _UnderWay(NamedTuple):
    began: float
    kind: Hashable
    epochs: int


class RunClock:
    """The number of each run, and the time left for all runs."""

    def __init__(
        self,
        kinds: Sequence[Hashable],
        epochs: Sequence[int] = (),
        workers: int = 1,
        clock: Clock = time.monotonic,
    ):
        """kinds: one per run, in order; runs of one kind take about the same time, None is a run already complete.
        epochs: of each run's training, 0 for an untrained run; empty: not known. workers: runs at a time."""
        self.runs = len(kinds)
        self.number = 0
        """Of the run that began last, from 1."""
        self._waiting = dict(enumerate(zip(kinds, epochs or [0] * len(kinds), strict=True)))
        self._workers = workers
        self._clock = clock
        self._start = clock()
        self._under_way: dict[int, _UnderWay] = {}
        self._taken: dict[Hashable, list[float]] = {}
        self._per_epoch: list[float] = []

    def begin(self, place: int | None = None) -> int:
        """Begins the run at this place of `kinds`, by default the first that waits; returns its number."""
        place = next(iter(self._waiting)) if place is None else place
        self.number += 1
        self._under_way[self.number] = _UnderWay(self._clock(), *self._waiting.pop(place))
        return self.number

    def finish(self, number: int, failed: bool = False) -> None:
        """Ends a run. One that failed does not show how long its kind takes."""
        began, kind, epochs = self._under_way.pop(number)
        seconds = self._clock() - began
        if failed:
            return
        self._taken.setdefault(kind, []).append(seconds)
        if kind is not None and epochs:
            self._per_epoch.append(seconds / epochs)

    @property
    def finished(self) -> int:
        """Runs that have ended."""
        return self.number - len(self._under_way)

    def seconds_left(self) -> float | None:
        """A run takes the mean time of its kind or, if none of its kind has finished, that of other trainings by the
        epoch. None until that is known: a baseline does not show how long training takes."""
        now = self._clock()
        elapsed = [now - run.began for run in self._under_way.values()]
        unfinished = [(run.kind, run.epochs) for run in self._under_way.values()] + list(self._waiting.values())
        times = [self._estimate(kind, epochs) for kind, epochs in unfinished]
        if all(kind is None for kind, _ in unfinished) or any(seconds is None for seconds in times):
            return None
        free = [0.0] * self._workers  # seconds until each worker has nothing to do
        for index, seconds in enumerate(times):
            spent = elapsed[index] if index < len(elapsed) else 0.0
            heapq.heapreplace(free, free[0] + max(0.0, (seconds or 0.0) - spent))
        return max(free)

    def _estimate(self, kind: Hashable, epochs: int) -> float | None:
        if kind is None:
            return 0.0
        if kind in self._taken:
            return statistics.mean(self._taken[kind])
        return epochs * statistics.mean(self._per_epoch) if epochs and self._per_epoch else None

    def heading(self, name: str) -> str:
        """`run 3 of 12: NAME; about 1:02:03 left for all runs`, for the run that began last."""
        left = self.seconds_left()
        rest = "" if left is None else f"; about {clock_time(left)} left for all runs"
        return f"run {self.number} of {self.runs}: {name}{rest}"

    def total(self) -> str:
        """`all 3 runs in 1:27`: the time since the first run began."""
        seconds = self._clock() - self._start
        return f"{'1 run' if self.runs == 1 else f'all {self.runs} runs'} in {clock_time(seconds)}"
