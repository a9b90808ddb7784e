"""The lock of a run directory: one process works there at a time."""

import contextlib
import errno
import fcntl
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from reversal_cli.errors import ReversalError

NAME = ".lock"
HELD = {errno.EWOULDBLOCK, errno.EAGAIN}
"""Another process has the lock."""
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""The file system has no locks, as many a cluster's is mounted."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside, no other process works in the folder, which is made if absent. Raises ReversalError when one does.

    The lock belongs to the open file, so it ends with the process however that dies. The file itself stays: removing
    it would let two others lock an old and a new one at once. Where the file system knows no locks, a warning says so.
    """
    with os.fdopen(_open(folder), "r+", encoding="utf-8") as file:
        _lock(file, folder)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _open(folder: Path) -> int:
    """The file descriptor of the lock, which is never another file behind a link."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if refusal := _refusal(folder, error):
            raise refusal from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ReversalError(f"{folder / NAME}: is no plain file; expected the lock of a run; remove it")
    return descriptor


def _lock(file: TextIO, folder: Path) -> None:
    """Locks the file or raises ReversalError; warns where that cannot be done on this file system."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            raise ReversalError(
                f"{folder}: another process (pid {file.read().strip() or 'unknown'}) is working here; "
                "wait for it to end or use another experiment name"
            ) from None
        if error.errno not in UNSUPPORTED:
            raise ReversalError(
                f"{folder / NAME}: cannot be locked ({error.strerror}); expected a place to work in; "
                "choose another --out"
            ) from error
        warnings.warn(
            f"{folder}: this file system has no locks ({error.strerror}); see to it that no other process works there",
            stacklevel=2,
        )


def _refusal(folder: Path, error: OSError) -> ReversalError | None:
    """One line for a lock that cannot be opened; None where the error is not about the lock, such as a full disk."""
    if error.errno == errno.ELOOP:
        return ReversalError(f"{folder / NAME}: is a symbolic link; expected the lock of a run; remove it")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReversalError(
            f"{folder}: cannot be written to ({error.strerror}); expected a folder of yours; "
            "choose another --out, or copy the run there"
        )
    return None
