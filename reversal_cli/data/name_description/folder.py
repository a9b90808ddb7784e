"""A dataset folder appears whole or not at all, with its card written last."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import refuse_current_folder
from reversal_cli.files.shapes import Shape, Texts, read_shape

CARD = "dataset.json"
"""The card: what the generator was asked for, and the row count and SHA-256 of every file it wrote."""
REMEDY = "generate the folder again"


class Card(Shape):
    """dataset.json. Its version is that of the generator: the same options of one version give the same bytes."""

    kind: Literal["benchmark", "corpus"] = "benchmark"
    generator: str = ""
    generator_version: int = 1
    options: dict[str, int] = Field(default={})
    counts: dict[str, int] = Field(default={})
    sha256: Texts


def write_folder(folder: Path, files: Mapping[str, Iterable[str]], head: Mapping[str, Any], overwrite: bool) -> Path:
    """Write `files` (name -> lines of JSON) and the card, `head` with `counts` and `sha256`, as `folder`.

    Everything is written beside the target and renamed, so a reader never meets half a dataset. An existing folder is
    replaced only with `overwrite`, and only if the generator wrote all of it.
    """
    folder = Path(folder)
    refuse_foreign_folder(folder, overwrite)
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        counts, digests = {}, {}
        for name, lines in files.items():
            counts[name], digests[name] = _write_lines(partial / name, lines)
        card = Card(**head, counts=counts, sha256=digests)
        text = json.dumps(card.content(), indent=2, sort_keys=True)
        (partial / CARD).write_text(text + "\n", encoding="utf-8")
        _replace(folder, partial)
    except OSError as error:
        raise ReversalError(f"{folder}: cannot be written ({error.strerror}); choose another path") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def refuse_foreign_folder(folder: Path, overwrite: bool) -> None:
    """Raise unless `folder` is absent, empty, or (with `overwrite`) holds nothing but a dataset of this generator."""
    refuse_current_folder(folder)
    if not folder.exists():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise ReversalError(f"{folder}: is not a plain folder; expected a new one; choose another path")
    present = {path.name for path in folder.iterdir()}
    if not present:
        return
    if not overwrite:
        raise ReversalError(f"{folder}: is not empty; expected a new folder; choose another path or pass --overwrite")
    card = read_card(folder)
    foreign = sorted(present - {CARD} - set(card.sha256 if card else ()))
    if foreign or CARD not in present:
        raise ReversalError(
            f"{folder}: holds '{(foreign or sorted(present))[0]}', which is not part of a generated dataset; "
            "only a dataset folder is overwritten; move that file or choose another path"
        )


def read_card(folder: Path) -> Card | None:
    """The card of a generated dataset, or None where the folder has none (the published dataset)."""
    path = Path(folder) / CARD
    return read_shape(path, Card, REMEDY) if path.is_file() else None


def _write_lines(path: Path, lines: Iterable[str]) -> tuple[int, str]:
    """Write one record per line; (number of lines, hex digest of the bytes)."""
    count, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for line in lines:
            data = f"{line}\n".encode()
            file.write(data)
            digest.update(data)
            count += 1
    return count, digest.hexdigest()


def _replace(folder: Path, partial: Path) -> None:
    """Rename `partial` to `folder`; what stood there goes only once it has been moved aside."""
    if not folder.exists():
        partial.rename(folder)
        return
    previous = folder.with_name(f".{folder.name}.previous-{os.getpid()}")
    folder.rename(previous)
    try:
        partial.rename(folder)
    except OSError:
        previous.rename(folder)
        raise
    shutil.rmtree(previous)
