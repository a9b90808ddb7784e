"""Reading TOML, with the line of a mistake, and writing it, which the standard library cannot."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import TOO_DEEP, TOO_LARGE, check_size, read_utf8
from reversal_cli.plain_text import INVISIBLE

LONGEST_VALUE = 40
"""Characters of a value that a message repeats."""


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a file. Raises ReversalError if it is missing, a folder, not UTF-8 or not TOML."""
    text = read_utf8(path, "an experiment in TOML")
    try:
        return _parse(text)
    except ValueError as error:
        raise ReversalError(f"{path}: broken TOML: {error}; correct the file") from None


def parse_value(text: str) -> Any:
    """`text` as a TOML value, or as the text itself: `3`, `[0.05, 0.95]`, `true`, `tiny-llama`.

    Raises ReversalError for a number that is too long and for lists that are nested too deeply.
    """
    try:
        content = _parse(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except ValueError as error:
        raise ReversalError(f"--set: {text[:LONGEST_VALUE]}... is {error}; expected a shorter value") from None
    value = content["value"]
    # More than one key means that the text held a line break; a date is a name such as 2024-01-01.
    if len(content) > 1 or not isinstance(value, str | int | float | bool | list | dict):
        return text
    return value


def _parse(text: str) -> dict[str, Any]:
    """The tables of a text. Raises TOMLDecodeError if it is not TOML, ValueError if `check_size` does."""
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        # Python's own message is about a limit of its interpreter.
        raise ValueError(TOO_LARGE) from None
    check_size(content)
    return content


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys: `{"training": {"epochs": 3}}` gives `("training.epochs", 3)`. An empty table stays a value."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def write_spec(content: Mapping[str, Any], trains: bool = True) -> str:
    """The TOML of a dumped spec without options that have no effect: those of the adapter in full tuning, and those
    of a training if the objective has none."""
    training = content["training"]
    if not trains:
        training = {key: training[key] for key in ("dtype", "device") if training[key] != "auto"}
    elif training["tuning"] == "full":
        training = {key: value for key, value in training.items() if key != "lora"}
    rest = {key: value for key, value in content.items() if key != "training"}
    return write_toml({**content, "training": training} if training else rest)


def write_toml(content: Mapping[str, Any]) -> str:
    """TOML that reads back as `content`; None, which TOML lacks, becomes a comment.

    >>> print(write_toml({"epochs": 20, "stop_after_epochs": None}), end="")
    epochs = 20
    # stop_after_epochs = ...  # unset
    """
    return "\n".join(_lines(content, "")).strip() + "\n"


def _lines(content: Mapping[str, Any], table: str) -> Iterator[str]:
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    scalars = {key: value for key, value in content.items() if key not in tables}
    if table and (scalars or not tables):
        yield f"\n[{table}]"
    for key, value in scalars.items():
        yield f"# {key} = ...  # unset" if value is None else f"{key} = {write_value(value)}"
    for key, value in tables.items():
        yield from _lines(value, f"{table}.{key}" if table else key)


def write_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # TOML forbids some characters that JSON leaves as they are, and a terminal obeys them.
        return INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, list | tuple):
        return f"[{', '.join(write_value(item) for item in value)}]"
    return repr(value)
