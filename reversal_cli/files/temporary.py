"""The names under which files and folders are written, before they are renamed to their own."""

import contextlib
import glob
import os
import platform
import shutil
from pathlib import Path


def temporary_path(path: Path) -> Path:
    """A hidden name beside `path` for what will be renamed to it, different for every process.

    Removes what processes of this machine that were killed have left under such names.
    """
    start = f".{path.name}.{platform.node()}-"
    for leftover in path.parent.glob(f"{glob.escape(start)}*.tmp"):
        number = leftover.name.removeprefix(start).removesuffix(".tmp")
        if number.isdecimal() and not _runs(int(number)):
            _remove(leftover)
    return path.with_name(f"{start}{os.getpid()}.tmp")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # another user's
            path.unlink()
