"""Writing a folder whole or not at all; refusing one that holds other files."""

import shutil
from collections.abc import Callable, Set
from pathlib import Path

from reversal_cli.errors import ReversalError


def save_folder(folder: Path, save: Callable[[Path], None]) -> None:
    """Renames a temporary folder that `save` makes and fills: a folder that exists is whole.

    An older folder is replaced, and stays if the new one cannot take its place.
    Files get the mode of the umask: the library that writes weights makes them readable by their owner alone.
    """
    folder = folder.absolute()
    temporary = folder.with_name(f".{folder.name}.tmp")
    previous = _aside(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _restore(folder, previous)
    for left_behind in (temporary, previous):
        shutil.rmtree(left_behind, ignore_errors=True)
    try:
        save(temporary)
        share_files(temporary)
        put_in_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def put_in_place(temporary: Path, folder: Path) -> None:
    """Renames a temporary folder. An older one is moved aside first, removed last, and moved back on a failure."""
    previous = _aside(folder)
    try:
        if folder.is_dir():
            folder.replace(previous)
        temporary.replace(folder)
    finally:
        _restore(folder, previous)
    shutil.rmtree(previous, ignore_errors=True)


def refuse_foreign_folder(folder: Path, names: Set[str], what: str, overwrite: bool) -> None:
    """Raises ReversalError unless the folder is absent, empty, or (with `overwrite`) holds nothing but `names`.

    what: what these files make up, such as "a generated dataset".
    """
    refuse_current_folder(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ReversalError(f"{folder}: is not a plain folder; expected a new one; choose another path")
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if present and not overwrite:
        raise ReversalError(f"{folder}: is not empty; expected a new folder; choose another path or pass --overwrite")
    foreign = sorted(present - names)
    if foreign:
        raise ReversalError(
            f"{folder}: holds '{foreign[0]}', which is not part of {what}; expected a folder to overwrite that holds "
            "nothing else; move that file or choose another path"
        )


def refuse_current_folder(folder: Path) -> None:
    """Raises ReversalError for the current folder and its parents, which cannot be replaced."""
    if Path.cwd().is_relative_to(folder.resolve()):
        raise ReversalError(f"{folder}: is the current folder, or holds it; expected a new one; choose another path")


def share_files(folder: Path) -> None:
    """Gives every file below the folder the mode that a new file there would have.

    It is taken from the folder's mode: reading the umask itself would change it.
    """
    mode = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(mode)


def _aside(folder: Path) -> Path:
    """Where an older folder lies while another takes its place."""
    return folder.with_name(f".{folder.name}.previous")


def _restore(folder: Path, previous: Path) -> None:
    """Undoes a replacement that was cut off between its two renames."""
    if previous.is_dir() and not folder.exists():
        previous.replace(folder)
