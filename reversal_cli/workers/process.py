"""A worker process: makes runs, and hands what it would print to its parent, which alone writes to the terminal."""

import contextlib
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Protocol

from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError
from reversal_cli.files.storage import storage_line
from reversal_cli.interruption import Interruption
from reversal_cli.progress import Advance


class Sender(Protocol):
    """What carries events to the parent, as the end of a pipe does."""

    def send(self, event: tuple[Any, ...], /) -> None: ...


def make_runs(connection: Connection, threads: int) -> None:
    """Makes the runs that arrive until the pipe is closed. Events go back: `("say", message)`, and last `("end of run",
    message of the error or None)`.

    threads: for arithmetic, unless the user has set OMP_NUM_THREADS. SIGTERM interrupts the run as Ctrl-C would; the
    exit code is then 0.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # read when torch is imported, which a run does
    terminal = ForwardingTerminal(connection)
    sys.stdout = sys.stderr = Lines(terminal)
    warnings.showwarning = lambda message, *_: terminal.warn(str(message))
    with contextlib.suppress(KeyboardInterrupt, Interruption):
        while (work := _next_run(connection)) is not None:
            terminal.send("end of run", error_of(work, terminal))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _next_run(connection: Connection) -> Callable[[Terminal], None] | None:
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None


def error_of(work: Callable[[Terminal], None], terminal: Terminal) -> str | None:
    """Makes the run; returns the line of a user's mistake or of a full disk. Anything else is a bug and is raised."""
    try:
        work(terminal)
    except ReversalError as error:
        return str(error)
    except OSError as error:
        line = storage_line(error)
        if line is None:
            raise
        return line
    return None


class ForwardingTerminal(Terminal):
    """Sends what a terminal would print, as events: see `RunMessages`."""

    def __init__(self, connection: Sender):
        super().__init__(quiet=True)
        self._connection = connection
        self._lock = threading.RLock()

    def send(self, kind: str, *arguments: Any) -> None:
        """Sends an event. Without a parent to receive it the run ends as by SIGTERM: a training saves first."""
        try:
            with self._lock:
                self._connection.send((kind, *arguments))
        except OSError:
            handler = signal.getsignal(signal.SIGTERM)
            if callable(handler):
                handler(signal.SIGTERM, None)

    def say(self, message: str) -> None:
        self.send("say", message)

    def warn(self, message: str) -> None:
        self.send("warn", message)

    def fail(self, message: str) -> None:
        self.send("fail", message)

    @contextlib.contextmanager
    def progress(self, description: str, unit: str = "step") -> Iterator[Advance]:
        self.send("stage", description, unit)
        yield lambda done, total=None, **fields: self.send("advance", done, total, fields)
        self.send("end of stage")


class Lines(io.StringIO):
    """What is printed by libraries, and the traceback of a bug, line by line."""

    def __init__(self, terminal: ForwardingTerminal):
        super().__init__()
        self._terminal = terminal
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        # Whoever prints, perhaps at the very end of the process, cannot be told that nobody is left to read it.
        with contextlib.suppress(KeyboardInterrupt):
            for line in lines:
                self._terminal.fail(line)
        return len(text)
