"""A run as a task of Ray, and the mailbox through which its events reach the driver. Imported by Ray's workers."""

import contextlib
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from reversal_cli.console import Terminal
from reversal_cli.errors import BusyError
from reversal_cli.workers.process import ForwardingTerminal, Lines, error_of

ADVANCE_SECONDS = 0.3
"""The shortest time between two messages about the progress of a run."""
SECONDS_FOR_LOCK = 120.0
"""Time for the lock of a run to become free: a file server notices only after a while that a node is gone."""


class Place(NamedTuple):
    """Where and how a task works."""

    folder: str
    """The driver's working folder, which relative paths of a spec begin in."""
    threads: int
    on_gpu: bool


class Mailbox:
    """The events of all runs that the driver has not yet read. An actor of Ray."""

    def __init__(self) -> None:
        self._events: list[tuple[int, tuple[Any, ...]]] = []

    def put(self, run: int, event: tuple[Any, ...]) -> None:
        self._events.append((run, event))

    def take(self) -> list[tuple[int, tuple[Any, ...]]]:
        """(place of the run, event), in the order in which they came."""
        events, self._events = self._events, []
        return events


class Outbox:
    """Sends the events of one run to the mailbox; leaves out progress that comes too fast to be read."""

    def __init__(self, mailbox: Any, run: int):
        self._mailbox = mailbox
        self._run = run
        self._last_advance = float("-inf")

    def send(self, event: tuple[Any, ...]) -> Any:
        """Sends an event. Returns a reference that is ready when it has arrived."""
        if event[0] == "advance":
            _, done, total, _ = event
            now = time.monotonic()
            if now - self._last_advance < ADVANCE_SECONDS and done != total:
                return None
            self._last_advance = now
        return self._mailbox.put.remote(self._run, event)


def make_run(work: Callable[[Terminal], None], place: Place, mailbox: Any, run: int) -> str | None:
    """Makes a run in a worker of Ray. Events go to the mailbox: first `("begin", name of the node)`, then those of a
    `ForwardingTerminal`. Returns the line of a user's mistake, or None."""
    import ray

    outbox = Outbox(mailbox, run)
    outbox.send(("begin", socket.gethostname()))
    terminal = ForwardingTerminal(outbox)
    _settle(place)
    lines: Any = Lines(terminal)
    with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines), warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: terminal.warn(str(message))
        error = error_of(partial(_make_when_free, work), terminal)
    ray.get(outbox.send(("end",)))  # else the driver might learn of the end before it has all messages
    return error


def _settle(place: Place) -> None:
    """A worker makes several runs: each sets folder, threads and GPUs anew."""
    os.chdir(place.folder)
    os.environ["OMP_NUM_THREADS"] = str(place.threads)
    if not place.on_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if "torch" in sys.modules:  # else it reads the variable when it is imported
        sys.modules["torch"].set_num_threads(place.threads)


def _make_when_free(work: Callable[[Terminal], None], terminal: Terminal) -> None:
    """Makes the run. If its lock is held, as for a moment by the task of a driver that was killed, waits for it."""
    until = time.monotonic() + SECONDS_FOR_LOCK
    while True:
        try:
            return work(terminal)
        except BusyError:
            if time.monotonic() > until:
                raise
        time.sleep(1)


def sees(folder: str, file: str) -> bool:
    """Whether this node has the folder, and the file that the driver has just written."""
    return Path(folder).is_dir() and Path(file).is_file()
