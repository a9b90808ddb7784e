"""Writing a dataset folder, whole or not at all and its card last, and reading its card."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import put_in_place, refuse_foreign_folder
from reversal_cli.files.shapes import Shape, Texts, read_shape
from reversal_cli.files.temporary import temporary_path

CARD = "dataset.json"
"""The card: the options of the generator, and the number of lines and SHA-256 of every file it wrote."""
REMEDY = "remove the folder and generate it again"
BLOCK = 1 << 20
"""Bytes that are copied at once."""


class Card(Shape):
    """dataset.json. Its version is that of the generator: the same options of one version give the same bytes."""

    kind: Literal["benchmark", "corpus"] = "benchmark"
    generator: str = ""
    generator_version: int = 1
    options: dict[str, int] = Field(default={})
    counts: dict[str, int] = Field(default={})
    sha256: Texts


def write_folder(
    folder: Path,
    files: Mapping[str, Iterable[str]],
    head: Mapping[str, Any],
    overwrite: bool,
    joined: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Writes `files` (name -> lines of JSON), `joined` (name -> the files that it consists of) and the card, which is
    `head` with `counts` and `sha256`, as `folder`.

    Everything is written beside the target and renamed, so half a dataset is never read. An existing folder is
    replaced only with `overwrite`, and only if the generator wrote all of it.
    """
    folder = Path(folder)
    refuse_other_folder(folder, overwrite)
    partial = temporary_path(folder)  # one per process: several may generate the same dataset at once
    try:
        partial.mkdir(parents=True)
        counts, digests = {}, {}
        for name, lines in files.items():
            counts[name], digests[name] = _write_lines(partial / name, lines)
        for name, parts in (joined or {}).items():
            counts[name] = sum(counts[part] for part in parts)
            digests[name] = _write_joined(partial / name, [partial / part for part in parts])
        card = Card(**head, counts=counts, sha256=digests)
        text = json.dumps(card.content(), indent=2, sort_keys=True)
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
    refuse_foreign_folder(folder, {CARD, *card.sha256} if card else set(), "a generated dataset", overwrite)


def read_card(folder: Path) -> Card | None:
    """The card of a generated dataset, or None if the folder has none (the published dataset)."""
    path = Path(folder) / CARD
    return read_shape(path, Card, REMEDY) if path.is_file() else None


def _write_lines(path: Path, lines: Iterable[str]) -> tuple[int, str]:
    """Writes the lines; returns (number of lines, SHA-256 of the bytes as hex digits)."""
    count, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for line in lines:
            data = f"{line}\n".encode()
            file.write(data)
            digest.update(data)
            count += 1
    return count, digest.hexdigest()


def _write_joined(path: Path, parts: Iterable[Path]) -> str:
    """Writes the files one after another; returns the SHA-256 of the bytes as hex digits."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for block in chain.from_iterable(map(_blocks, parts)):
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
