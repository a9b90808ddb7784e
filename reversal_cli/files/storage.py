"""Library errors about a full or failing disk, turned into OSError."""

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


def _error_number(message: str) -> int | None:
    if match := OS_ERROR.search(message):
        return int(match[1])
    return errno.EIO if any(words in message for words in TORCH_WRITES) else None
