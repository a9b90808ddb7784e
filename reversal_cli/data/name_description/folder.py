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
from reversal_cli.files.folders import put_in_place, refuse_foreign_folder
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
    refuse_other_folder(folder, overwrite)
    # Of this process alone: several may want the same dataset at once.
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        counts, digests = {}, {}
        for name, lines in files.items():
            counts[name], digests[name] = _write_lines(partial / name, lines)
        text = json.dumps({**card, "counts": counts, "sha256": digests}, indent=2, sort_keys=True)
        (partial / CARD).write_text(text + "\n", encoding="utf-8")
        put_in_place(partial, folder)
    except OSError as error:
        raise ReversalError(f"{folder}: cannot be written ({error.strerror}); choose another path") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def refuse_other_folder(folder: Path, overwrite: bool) -> None:
    """Raises ReversalError unless `folder` is absent, empty, or (with `overwrite`) holds a dataset and nothing else."""
    card = read_card(folder) if overwrite else None
    refuse_foreign_folder(folder, {CARD, *card["sha256"]} if card else set(), "a generated dataset", overwrite)


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
