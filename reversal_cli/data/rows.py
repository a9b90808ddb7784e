"""Reads one JSONL file of the published layout and says exactly which line is wrong, before anything else is loaded."""

import json
from pathlib import Path
from typing import get_args

from reversal_cli.data.base import Group
from reversal_cli.errors import ReversalError
from reversal_cli.reading import parse_json

Row = dict[str, str]
"""The fields of one line that this package knows: prompt and completion, and what a generated dataset adds."""

REQUIRED_FIELDS = ("prompt", "completion")
OPTIONAL_FIELDS = ("entity_id", "template_id", "name", "description", "group")


def read_rows(path: Path) -> list[Row]:
    """The rows of one file, row i being line i + 1, with unknown fields left out.

    Raises ReversalError with file and line for anything that is not one JSON object of non-empty texts per line.
    """
    if not path.is_file():
        raise ReversalError(f"{path}: no such file; expected one JSON object per line; check the path")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReversalError(f"{path}: cannot be read ({error}); expected UTF-8 text; check the file") from None
    if not text:
        raise ReversalError(f"{path}: the file is empty; expected one JSON object per line; get it again")
    lines = text.removesuffix("\n").split("\n")  # splitlines() would also split at U+2028, which JSON allows in a text
    return [_row(line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def check_space(row: Row, where: str) -> None:
    """Raise unless prompt and completion join with exactly one space, so that `prompt + completion` is a sentence."""
    completion = row["completion"]
    if row["prompt"][-1].isspace() or not completion.startswith(" ") or completion[1:2].isspace():
        raise ReversalError(
            f"{where}: prompt and completion do not join with one space; expected the completion to begin with the "
            "only space between them; correct the line"
        )


def _row(line: str, where: str) -> Row:
    try:
        fields = parse_json(line)
    except ValueError as error:
        raise ReversalError(f"{where}: not valid JSON ({error}); expected an object; correct the line") from None
    if not isinstance(fields, dict):
        found = type(fields).__name__
        raise ReversalError(f"{where}: a JSON {found}; expected an object with prompt and completion; correct the line")
    for field in REQUIRED_FIELDS:
        if field not in fields:
            raise ReversalError(f"{where}: no field '{field}'; expected prompt and completion; add it")
    row = {field: fields[field] for field in (*REQUIRED_FIELDS, *OPTIONAL_FIELDS) if field in fields}
    for field, value in row.items():
        _check_value(field, value, where)
    return row


def _check_value(field: str, value: object, where: str) -> None:
    if not isinstance(value, str):
        raise ReversalError(f"{where}: '{field}' is {json.dumps(value)}; expected a text; put it in quotation marks")
    if field in REQUIRED_FIELDS and not value.strip():
        raise ReversalError(f"{where}: '{field}' is empty; expected a text; fill it in or delete the line")
    if field == "group" and value not in get_args(Group):
        known = ", ".join(get_args(Group))
        raise ReversalError(f"{where}: unknown group '{value}'; expected one of {known}; correct the line")
