"""Ctrl-C and SIGTERM, which end a command between two of its instructions."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interruption(BaseException):
    """The end of a command by a signal. Its text is the last line on stderr.

    Not a KeyboardInterrupt, of which typer leaves nothing but an exit code.
    """

    def __init__(self, number: int, kept: str = "what was finished is kept"):
        """number: of the signal. kept: what the next call of the same command will find."""
        super().__init__(
            f"interrupted; {kept}, run the same command again to continue; with --overwrite a training begins anew"
        )
        self.exit_code = 128 + number  # as shells report it


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Inside, SIGTERM raises Interruption, so that what is half written is removed.

    Only the main thread receives signals; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


@contextlib.contextmanager
def sigterm_kept() -> Iterator[None]:
    """Afterwards SIGTERM does what it did before, whatever a library inside has made of it."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _interrupt(number: int, frame: Any) -> None:
    raise Interruption(number)
