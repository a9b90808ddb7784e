"""A folder appears whole or not at all, and everybody may read it who may read the rest."""

import shutil
from collections.abc import Callable
from pathlib import Path

from reversal_cli.errors import ReversalError


def save_folder(folder: Path, save: Callable[[Path], None]) -> None:
    """`save` makes a temporary folder and writes into it; it then takes the name: the folder exists = it is whole.

    What stood there is moved aside first and removed last, and comes back where the new folder cannot take its place.
    Files get the modes of the umask: the library that writes weights leaves them to their owner alone.
    """
    folder = folder.absolute()
    temporary = folder.with_name(f".{folder.name}.tmp")
    previous = folder.with_name(f".{folder.name}.previous")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _restore(folder, previous)
    for left_behind in (temporary, previous):
        shutil.rmtree(left_behind, ignore_errors=True)
    try:
        save(temporary)
        share_files(temporary)
        if folder.is_dir():
            folder.replace(previous)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _restore(folder, previous)
    shutil.rmtree(previous, ignore_errors=True)


def refuse_current_folder(folder: Path) -> None:
    """Raises ReversalError for the current folder and those it lies in: none of them can make way for a new one."""
    if Path.cwd().is_relative_to(folder.resolve()):
        raise ReversalError(f"{folder}: is the current folder, or holds it; expected a new one; choose another path")


def share_files(folder: Path) -> None:
    """Gives every file below the folder the mode that a new file there would have.

    The folder's own mode tells it: it was made under the same umask, which cannot be read without changing it.
    """
    mode = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


def _restore(folder: Path, previous: Path) -> None:
    """Undoes a replacement that was cut off between its two renames."""
    if previous.is_dir() and not folder.exists():
        previous.replace(folder)
