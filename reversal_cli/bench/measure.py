"""Points in time, peak memory, and the spread of repeated measurements."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

NOISE = 0.5
"""A number is noise if its 10th and 90th percentile are farther apart than this share of the median."""
BUSY = 0.8
"""Cores: a process that gets less of the CPU while it trains shares it with others."""
MEBIBYTE = 2**20
PROCESS = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements of one quantity."""

    median: float
    p10: float
    p90: float
    count: int
    noisy: bool
    """Whether they are too far apart for the median to mean much."""

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """
        >>> Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
        Spread(median=3.0, p10=1.4, p90=4.6, count=5, noisy=True)
        """
        values = list(values)
        p10, median, p90 = (round(float(value), 9) for value in np.percentile(values, (10, 50, 90)))
        return cls(median, p10, p90, len(values), p90 - p10 > NOISE * abs(median))


def mark(device: torch.device) -> Any:
    """This point in the work of the device, for `seconds_between`.

    A GPU works behind the program; it is not waited for, which would slow it down, but notes the time as it passes.
    """
    if device.type == "cuda":
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event
    if device.type != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter()


def seconds_between(marks: Sequence[Any]) -> list[float]:
    """Seconds from each mark to the next: one number less than there are marks."""
    if not isinstance(marks[-1], torch.cuda.Event):
        return [end - start for start, end in pairwise(marks)]
    marks[-1].synchronize()
    return [start.elapsed_time(end) / 1000 for start, end in pairwise(marks)]


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that the device works on it."""
    start = mark(device)
    work()
    return seconds_between([start, mark(device)])[0]


def was_busy(cores: float, device: torch.device) -> bool:
    """Whether other programs took the processor from a training on it, so that every rate is too low.

    cores: `TrainSpeed.cores`.
    """
    return device.type == "cpu" and cores < BUSY


def reset_peak_memory(device: torch.device) -> None:
    """Forgets the peak so far. Where a system cannot, `peak_memory` is that of the whole process so far."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif (PROCESS / "clear_refs").exists():
        with contextlib.suppress(OSError):  # not every container may
            (PROCESS / "clear_refs").write_text("5")


def peak_memory(device: torch.device) -> float:
    """MiB: on a GPU of its tensors, elsewhere of the whole process, Python and libraries included."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MEBIBYTE
    if (PROCESS / "status").exists():
        lines = (PROCESS / "status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEBIBYTE
