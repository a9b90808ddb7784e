"""stdout and stderr that are closed, full, or unable to encode our characters."""

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator

from reversal_cli.errors import ReversalError

BROKEN_PIPE = 141
"""Exit code after a closed pipe, as shells report it: 128 + SIGPIPE."""
SPELLINGS = {"±": "+/-", "–": "-", "─": "-", "━": "-", "…": "..."}
"""Our own characters, for a stream that cannot encode them."""


class PipeClosedError(Exception):
    """The reader of stdout has ended: `reversal list | head -1`."""


def prepare_streams() -> None:
    """Opens closed streams, so that no file of ours becomes stdout, and replaces characters that one cannot encode."""
    codecs.register_error("spelled", _spell)
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if sys.__dict__[name] is None:
            _occupy(descriptor)
            if descriptor:
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelled")


@contextlib.contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Inside, a stdout that cannot be written raises ReversalError, a closed pipe PipeClosedError."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
        raise PipeClosedError from None
    except OSError as error:
        drop_stdout()
        raise ReversalError(
            f"stdout: {error.strerror}; expected a terminal, a pipe or a file with room left; what was finished is kept"
        ) from None


def drop_stdout() -> None:
    """Discards what is still buffered: writing it would fail again at the end of the process."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _occupy(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _spell(error: UnicodeError) -> tuple[str | bytes, int]:
    """A codec's error handler: our own characters in ASCII, all others as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    spelled = (SPELLINGS.get(character) or ascii(character)[1:-1] for character in wrong)
    return "".join(spelled), error.end
