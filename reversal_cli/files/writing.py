"""Writing a text file whole or not at all; the SHA-256 of a file."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from reversal_cli.files.reading import JsonObject
from reversal_cli.files.temporary import temporary_path

WEIGHT_SUFFIXES = (".safetensors", ".bin")
"""Suffixes of files that hold weights."""


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_lines(records: Iterable[JsonObject]) -> str:
    """JSONL: one line per object. Raises ValueError for a number that is not finite."""
    return "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)


def write_text(path: Path, text: str) -> None:
    """Writes the whole file or nothing: under a temporary name, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
