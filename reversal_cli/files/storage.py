"""Errors of a full or failing disk: those of libraries turned into OSError, and the one line that is printed."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How safetensors quotes the system's error number."""
TORCH_WRITES = ("PytorchStreamWriter failed", "unexpected pos")
"""How torch.save says that a write failed or was cut short; it does not say why."""

WRITE_ERRORS = {errno.EDQUOT, errno.EFBIG, errno.EEXIST, errno.ENOSPC, errno.ENOTEMPTY, errno.EROFS}
"""Errors that only writing raises."""
STORAGE_ERRORS = WRITE_ERRORS | {
    errno.EACCES,
    errno.EBUSY,
    errno.EINVAL,
    errno.EIO,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
}
"""Errors of a disk or a path; any other OSError is a bug and keeps its traceback."""


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """A context in which a failed write of safetensors or torch.save raises OSError with `path`."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        number = _error_number(str(error))
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def storage_line(error: OSError) -> str | None:
    """The line to print for an error of a disk or a path; None for any other OSError, which is a bug."""
    if error.errno in WRITE_ERRORS:
        where = error.filename or "writing a file"
        return f"{where}: {error.strerror}; expected a place to write with room left; what was finished is kept"
    if error.errno not in STORAGE_ERRORS:
        return None
    where = error.filename or "a file"
    return f"{where}: {error.strerror}; expected a file to read or a place to write; check the path and its permissions"


def _error_number(message: str) -> int | None:
    if match := OS_ERROR.search(message):
        return int(match[1])
    return errno.EIO if any(words in message for words in TORCH_WRITES) else None
