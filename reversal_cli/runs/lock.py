"""The lock of a run folder: one process works there at a time."""

import contextlib
import errno
import fcntl
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from reversal_cli.errors import BusyError, ReversalError

NAME = ".lock"
HELD = {errno.EWOULDBLOCK, errno.EAGAIN}
"""Another process has the lock."""
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""The file system does not support locks, as on many clusters."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks the folder, created if absent, for this process. Raises BusyError if another process works there.

    The lock belongs to the open file, so it ends with the process, even if that is killed. The file stays: if it were
    removed, two processes could lock an old and a new one at once. Warns if the file system does not support locks.
    """
    with os.fdopen(_open(folder), "r+", encoding="utf-8") as file:
        _lock(file, folder)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _open(folder: Path) -> int:
    """The file descriptor of the lock; refuses a symbolic link, which could point to another file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if refusal := _refusal(folder, error):
            raise refusal from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ReversalError(f"{folder / NAME}: is not a regular file; expected the lock of a run; remove it")
    return descriptor


def _lock(file: TextIO, folder: Path) -> None:
    """Locks the file or raises ReversalError, a BusyError if another process has it; warns if the file system does
    not support locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            raise BusyError(
                f"{folder}: another process (pid {file.read().strip() or 'unknown'}) is working here; "
                "wait for it to end or use another experiment name"
            ) from None
        if error.errno not in UNSUPPORTED:
            raise ReversalError(
                f"{folder / NAME}: cannot be locked ({error.strerror}); expected a folder that can be locked; "
                "choose another --out"
            ) from error
        warnings.warn(
            f"{folder}: this file system does not support locks ({error.strerror}); let no other process work there",
            stacklevel=2,
        )


def _refusal(folder: Path, error: OSError) -> ReversalError | None:
    """The error for a lock that cannot be opened; None if the cause is another one, such as a full disk."""
    if error.errno == errno.ELOOP:
        return ReversalError(f"{folder / NAME}: is a symbolic link; expected the lock of a run; remove it")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReversalError(
            f"{folder}: cannot be written to ({error.strerror}); expected a folder that you may write to; "
            "choose another --out, or copy the run there"
        )
    return None
