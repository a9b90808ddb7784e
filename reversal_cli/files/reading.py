"""Reading text and JSON files, with one line that says why a file cannot be read."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from reversal_cli.errors import ReversalError

JsonObject = dict[str, Any]
"""A JSON object whose fields are checked elsewhere, if at all."""
PACKED = ".xz"
"""Suffix of a file that the command `xz` packed."""
DEEPEST = 40
"""Levels of tables and lists that a file may have; no file of this package has ten."""
LARGEST = 2**63 - 1
"""Whole numbers have 64 bits, as in TOML; Python itself would read thousands of digits."""
TOO_DEEP = f"nested more than {DEEPEST} levels deep"
HALF_CHARACTER = "a lone surrogate, half of a character, which no file can hold"
TOO_LARGE = f"a whole number beyond {LARGEST}"


def read_utf8(path: Path, what: str, remedy: str = "save it as UTF-8") -> str:
    """The text of a file, without the byte order mark that some editors write.

    what: what was expected, such as "a TOML text file". remedy: what to do about bytes that are not UTF-8.

    Raises ReversalError if the file is missing, a folder, not readable, or not UTF-8.
    """
    if not path.exists():
        raise ReversalError(f"{path}: no such file; expected {what}; check the path")
    try:
        return path.read_text(encoding="utf-8-sig")
    except IsADirectoryError:
        raise ReversalError(f"{path}: found a folder; expected {what}; name the file") from None
    except UnicodeDecodeError as error:
        raise ReversalError(f"{path}: byte {error.start} is not UTF-8; expected {what}; {remedy}") from None
    except OSError as error:
        raise ReversalError(
            f"{path}: cannot be read ({error.strerror}); expected {what}; check its permissions"
        ) from None


def read_packed(path: Path, what: str, remedy: str) -> str:
    """As `read_utf8`, for a file that the command `xz` packed."""
    try:
        import lzma  # some builds of Python lack it

        return lzma.decompress(path.read_bytes()).decode("utf-8")
    except ImportError:
        raise ReversalError(
            f"{path}: is packed, and this Python has no lzma; expected {what}; unpack it with `xz -d`"
        ) from None
    except (OSError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise ReversalError(f"{path}: cannot be unpacked ({error}); expected {what}, packed by xz; {remedy}") from None


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError with a readable message, also for a value that is nested too deeply
    and for a number that is too long."""
    try:
        content = from_json(text, allow_inf_nan=False)  # three times as fast as Python's parser, which explains better
        found = numbers(content)
        if not found or -LARGEST <= min(found) <= max(found) <= LARGEST:
            return content
    except ValueError:
        pass
    return _parse_strictly(text)


def _parse_strictly(text: str) -> Any:
    """As `parse_json`, with Python's parser."""
    try:
        content = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except (json.JSONDecodeError, NotANumberError):
        raise
    except ValueError:
        # Python's own message is about a limit of its interpreter.
        raise ValueError(TOO_LARGE) from None
    check_size(content)
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError(HALF_CHARACTER) from None
    return content


class NotANumberError(ValueError):
    """NaN, Infinity or 1e999: Python's own parser accepts them, the JSON standard does not."""


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotANumberError(f"{text} is not a number")
    return number


def read_json(path: Path, remedy: str = "restore the file") -> JsonObject:
    """The JSON object in a file. Raises ReversalError that ends with `remedy` for any other content."""
    try:
        content = parse_json(read_utf8(path, "a JSON object", remedy))
    except ValueError as error:
        raise ReversalError(f"{path}: broken JSON ({error}); expected a JSON object; {remedy}") from None
    if not isinstance(content, dict):
        raise ReversalError(f"{path}: found {json_kind(content)}; expected a JSON object; {remedy}")
    return content


def json_kind(value: Any) -> str:
    """What a JSON value is, in words: `a list`, `null`."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    return kinds.get(type(value), "a number")


def read_records(path: Path, remedy: str) -> list[JsonObject]:
    """As `iterate_records`, all at once."""
    return list(iterate_records(path, remedy))


def iterate_records(path: Path, remedy: str) -> Iterator[JsonObject]:
    """The objects of a JSONL file that this package wrote; `data/jsonl.py` reads datasets, which may have millions.

    A file with the suffix `PACKED` is unpacked. A last line cut off by an interruption is dropped; any other bad line
    raises ReversalError that ends with `remedy`.
    """
    if not path.is_file():
        return
    read = read_packed if path.suffix == PACKED else read_utf8
    lines = read(path, "one JSON record per line", remedy).split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise ReversalError(
                f"{path}:{number}: broken JSON ({error}); expected one record per line; {remedy}"
            ) from None
        yield record


def check_size(content: Any) -> None:
    """Raises ValueError for a number of more than 64 bits and for tables and lists that are nested too deeply: later
    code would fail on them without a clear message."""
    if any(type(number) is int and abs(number) > LARGEST for number in numbers(content)):
        raise ValueError(TOO_LARGE)


def numbers(content: Any) -> list[int | float]:
    """Every number in tables and lists, without true and false. Raises ValueError if they are nested too deeply."""
    found = []
    level = [content]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            kind = type(value)  # of a parser, so never a subclass; isinstance would take twice as long
            if kind is float or kind is int:
                found.append(value)
            elif kind is dict:
                below += value.values()
            elif kind is list:
                below += value
        if not below:
            return found
        level = below
    raise ValueError(TOO_DEEP)
