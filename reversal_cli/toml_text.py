"""TOML in and out: reading with the line of a mistake, and the small writer that the standard library lacks."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reversal_cli.errors import ReversalError


def read_toml(path: Path) -> dict[str, Any]:
    """The file's content. Raises ReversalError where it is missing, no file, not UTF-8 or no TOML."""
    if not path.exists():
        raise ReversalError(f"{path}: no such file; expected an experiment in TOML; check the path")
    if not path.is_file():
        raise ReversalError(f"{path}: found a folder; expected an experiment in TOML; name the file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ReversalError(f"{path}: byte {error.start} is not UTF-8; expected a TOML text file") from None
    except tomllib.TOMLDecodeError as error:
        raise ReversalError(f"{path}: broken TOML: {error}; correct the file") from None


def parse_value(text: str) -> Any:
    """`text` as a TOML value, or as the text itself: `3`, `[0.05, 0.95]`, `true`, `tiny-llama`."""
    try:
        content = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = content["value"]
    # More than one key means that the text held a line break; a date is a name that looks like one.
    if len(content) > 1 or not isinstance(value, str | int | float | bool | list | dict):
        return text
    return value


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys: `{"training": {"epochs": 3}}` gives `("training.epochs", 3)`. An empty table stays a value."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def write_toml(content: Mapping[str, Any]) -> str:
    """TOML that reads back as `content`; None is left out, since TOML has no word for it."""
    return "\n".join(_lines(content, "")).strip() + "\n"


def _lines(content: Mapping[str, Any], table: str) -> Iterator[str]:
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    scalars = {key: value for key, value in content.items() if key not in tables and value is not None}
    if table and (scalars or not tables):
        yield f"\n[{table}]"
    for key, value in scalars.items():
        yield f"{key} = {_value(value)}"
    for key, value in tables.items():
        yield from _lines(value, f"{table}.{key}" if table else key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return repr(value)
