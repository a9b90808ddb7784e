"""A dataset folder appears whole or not at all, with its card written last."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import refuse_current_folder
from reversal_cli.files.reading import json_kind, parse_json, read_utf8
from reversal_cli.files.shapes import Shape, Texts, check_shape

CARD = "dataset.json"
"""The card: what the generator was asked for, and the row count and SHA-256 of every file it wrote."""
REMEDY = "generate the folder again"
AS_CARD = f"expected the card that `reversal generate` writes; {REMEDY}"


class Card(Shape):
    """dataset.json"""

    options: dict[str, Any] = Field(default={})
    counts: dict[str, int] = Field(default={})
    sha256: Texts = Field(default={})


def write_folder(folder: Path, files: Mapping[str, Iterable[str]], card: dict[str, Any], overwrite: bool) -> Path:
    """Write `files` (name -> lines of JSON) and the card, completed with `counts` and `sha256`, as `folder`.

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
        text = json.dumps({**card, "counts": counts, "sha256": digests}, indent=2, sort_keys=True)
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
    foreign = sorted(present - {CARD} - set((read_card(folder) or {}).get("sha256", {})))
    if foreign or CARD not in present:
        raise ReversalError(
            f"{folder}: holds '{(foreign or sorted(present))[0]}', which is not part of a generated dataset; "
            "only a dataset folder is overwritten; move that file or choose another path"
        )


def read_card(folder: Path) -> dict[str, Any] | None:
    """The card of a generated dataset, or None where the folder has none (the published dataset)."""
    path = Path(folder) / CARD
    if not path.is_file():
        return None
    try:
        card = parse_json(read_utf8(path, "the card that `reversal generate` writes", REMEDY))
    except ValueError as error:
        raise ReversalError(f"{path}: not valid JSON ({error}); {AS_CARD}") from None
    if not isinstance(card, dict):
        raise ReversalError(f"{path}: found {json_kind(card)}; {AS_CARD}")
    if not isinstance(card.get("sha256"), dict):
        raise ReversalError(f"{path}: no 'sha256' table; {AS_CARD}")
    check_shape(card, Card, str(path), REMEDY)
    return card


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
