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
from reversal_cli.interruption import Interruption
from reversal_cli.workers.process import ForwardingTerminal, Lines, error_of

ADVANCE_SECONDS = 0.3
"""The shortest time between two messages about the progress of a run."""
SECONDS_FOR_LOCK = 120.0
"""Time for the lock of a run to become free: a file server notices only after a while that a node is gone."""


class TaskEnvironment(NamedTuple):
    """Folder, threads and device of a task."""

    folder: str
    """The driver's working folder, in which relative paths of a spec begin."""
    threads: int
    on_gpu: bool


class Message(NamedTuple):
    """An event of a run."""

    run: int
    """Its place among the jobs."""
    attempt: int
    """The workers that the run had lost when this one began it."""
    event: tuple[Any, ...]


class Mailbox:
    """The messages of all runs that the driver has not yet read. An actor of Ray."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    def put(self, message: Message) -> None:
        self._messages.append(message)

    def take(self) -> list[Message]:
        """In the order in which they came."""
        messages, self._messages = self._messages, []
        return messages


class Outbox:
    """Sends the events of one attempt at a run to the mailbox; leaves out progress that comes too fast to be read."""

    def __init__(self, mailbox: Any, run: int, attempt: int):
        self._mailbox = mailbox
        self._run = run
        self._attempt = attempt
        self._last_advance = float("-inf")

    def send(self, event: tuple[Any, ...]) -> Any:
        """Sends an event. Returns a reference that is ready when it has arrived."""
        if event[0] == "advance":
            _, done, total, _ = event
            now = time.monotonic()
            if now - self._last_advance < ADVANCE_SECONDS and done != total:
                return None
            self._last_advance = now
        return self._mailbox.put.remote(Message(self._run, self._attempt, event))


def make_run(work: Callable[[Terminal], None], environment: TaskEnvironment, outbox: Outbox) -> str | None:
    """Makes a run in a worker of Ray. Sends first `("begin", name of the node)`, then the events of a
    `ForwardingTerminal`. Returns the line of a user's mistake, or None. Raises KeyboardInterrupt if it is cancelled."""
    import ray

    outbox.send(("begin", socket.gethostname()))
    terminal = ForwardingTerminal(outbox)
    _prepare(environment)
    lines: Any = Lines(terminal)
    try:
        with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines), warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: terminal.warn(str(message))
            error = error_of(partial(_make_when_free, work), terminal)
    except Interruption:  # of a training, once it is saved; Ray knows only its own kind
        raise KeyboardInterrupt from None
    ray.get(outbox.send(("end",)))  # else the driver might learn of the end before it has all messages
    return error


def _prepare(environment: TaskEnvironment) -> None:
    """A worker makes several runs: each sets folder, threads and GPUs anew."""
    os.chdir(environment.folder)
    os.environ["OMP_NUM_THREADS"] = str(environment.threads)
    if not environment.on_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if "torch" in sys.modules:  # else it reads the variable when it is imported
        sys.modules["torch"].set_num_threads(environment.threads)


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
