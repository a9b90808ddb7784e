"""The runs at and below folders."""

from collections.abc import Iterable
from pathlib import Path

from reversal_cli.errors import ReversalError
from reversal_cli.runs.directory import RunDirectory

PUBLISHED = "published"
"""Name of the folder with the project's own results: its runs are read only if that folder is named."""


def find_runs(folders: Iterable[Path]) -> list[RunDirectory]:
    """Every run at or below the folders, in path order, without those below a folder `published`."""
    paths: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            problem = "is a file" if folder.is_file() else "no such folder"
            raise ReversalError(f"{folder}: {problem}; expected a run or a results folder; check the path")
        manifests = folder.rglob("seed-*/manifest.json")
        paths.update(path.parent for path in manifests if PUBLISHED not in path.relative_to(folder).parts)
        if (folder / "manifest.json").is_file():
            paths.add(folder)
    return [RunDirectory(path) for path in sorted(paths)]
