"""Reads one JSONL file of the published layout and says exactly which line is wrong, before anything else is loaded.

`reading.read_records` reads the JSONL files that this package writes. Both pass over a byte order mark where a file
begins. NaN is refused there; here only texts are used, and what a field of another name holds does not matter.
"""

import contextlib
import gc
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple, get_args

from reversal_cli.data.base import Group
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import json_kind

BLOCK = 1 << 20
"""Bytes of whole lines that are read and hashed at once: a file is never in memory beside its rows."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """The fields of one line that this package knows; those that the file does not give are empty."""

    prompt: str
    completion: str
    entity_id: str = ""
    template_id: str = ""
    name: str = ""
    description: str = ""
    group: str = ""

    @property
    def text(self) -> str:
        return self.prompt + self.completion


REQUIRED_FIELDS = ("prompt", "completion")
ALL_FIELDS = itemgetter(*Row._fields)
GROUPS = frozenset({"", *get_args(Group)})


class RowFile(NamedTuple):
    """A file that was read once: its rows, and the hex digest of the very bytes that they were read from."""

    rows: list[Row]
    sha256: str


class _BadLine(Exception):
    """What is wrong with a line: what was found; what is expected; what to do."""


def read_file(path: Path) -> RowFile:
    """The rows of one file, row i being line i + 1, with unknown fields left out, and its SHA-256.

    Raises ReversalError with file and line for anything that is not one JSON object of non-empty texts per line.
    """
    if not path.is_file():
        raise ReversalError(f"{path}: no such file; expected one JSON object per line; check the path")
    rows: list[Row] = []
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file, no_search_for_garbage():
            # A bytes line ends at a line feed only; a text one also at U+2028, which JSON allows in a text.
            while block := file.readlines(BLOCK):
                digest.update(b"".join(block))
                if not rows:
                    block[0] = block[0].removeprefix(BYTE_ORDER_MARK)
                rows += _block_rows(block, path, len(rows) + 1)
    except OSError as error:
        raise ReversalError(
            f"{path}: cannot be read ({error.strerror}); expected a text file; check the file"
        ) from None
    if not rows:
        raise ReversalError(f"{path}: the file is empty; expected one JSON object per line; get it again")
    return RowFile(rows, digest.hexdigest())


def check_spaces(rows: Iterable[Row], path: Path) -> None:
    """Raise unless prompt and completion join with exactly one space, so that `prompt + completion` is a sentence."""
    for number, row in enumerate(rows, start=1):
        completion = row.completion
        if row.prompt[-1].isspace() or completion[0] != " " or completion[1:2].isspace():
            raise ReversalError(
                f"{path}:{number}: prompt and completion do not join with one space; expected the completion to begin "
                "with the only space between them; correct the line"
            )


@contextlib.contextmanager
def no_search_for_garbage() -> Iterator[None]:
    """Rows are many and stay: to look for garbage among them again and again takes half of the time of reading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _block_rows(lines: list[bytes], path: Path, first: int) -> list[Row]:
    values = _parse_block(lines)
    rows = _plain_rows(values) if values else None
    if rows is not None:
        return rows
    rows = []
    for line, fields in zip(lines, values or itertools.repeat(None), strict=False):
        try:
            rows.append(_row(_parse(line) if fields is None else fields))
        except _BadLine as fault:
            raise ReversalError(f"{path}:{first + len(rows)}: {fault}") from None
    return rows


def _plain_rows(values: list[Any]) -> list[Row] | None:
    """The rows of objects that all have every field, in ASCII; None if `_row` must look at each of them.

    As `_row`, but column by column: it takes a third of the time, and the files of this package are like that.
    """
    if set(map(type, values)) != {dict}:
        return None
    try:
        columns = list(zip(*map(ALL_FIELDS, values), strict=True))
        is_plain = all("".join(column).isascii() for column in columns)
    except (KeyError, TypeError):
        return None
    prompts, completions, entity_ids, template_ids, names, descriptions, groups = columns
    has_texts = all(map(str.strip, prompts)) and all(map(str.strip, completions))
    if not (is_plain and has_texts and GROUPS.issuperset(groups)):
        return None
    labels = (map(intern, column) for column in (entity_ids, template_ids, names, descriptions, groups))
    return list(map(Row._make, zip(prompts, completions, *labels, strict=True)))


def _parse_block(lines: list[bytes]) -> list[object] | None:
    """The values of all lines, parsed at once, which takes a third of the time; None where any line is no JSON value.

    The zeros between the lines keep a line that is half a value from being mended by the next one.
    """
    try:
        values = json.loads((b"[" + b",0,".join(lines) + b"]").decode())
    except (ValueError, RecursionError):
        return None
    return values[::2] if len(values) == 2 * len(lines) - 1 and not any(values[1::2]) else None


def _row(fields: object) -> Row:
    if not isinstance(fields, dict):
        raise _BadLine(f"found {json_kind(fields)}; expected an object with prompt and completion; correct the line")
    values = [fields.get(name, "") for name in Row._fields]
    try:
        is_plain = "".join(values).isascii()
    except TypeError:
        raise _wrong_type(fields) from None
    prompt, completion, entity_id, template_id, name, description, group = values
    if not prompt.strip() or not completion.strip():
        raise _missing(fields)
    if group not in GROUPS:
        known = ", ".join(get_args(Group))
        raise _BadLine(f"unknown group '{group}'; expected one of {known}; correct the line")
    if not is_plain:
        _refuse_half_characters(values)
    # A label stands in many rows, and in memory once.
    return Row(prompt, completion, intern(entity_id), intern(template_id), intern(name), intern(description), group)


def _parse(line: bytes) -> object:
    """The value of one line, or what is wrong with it."""
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise _BadLine(f"not UTF-8 text ({error.reason}); expected UTF-8; save the file as UTF-8") from None
    except RecursionError:
        raise _BadLine("brackets too deep to read; expected an object of texts; correct the line") from None
    except ValueError as error:
        raise _bad_json(line, error) from None


def _bad_json(line: bytes, error: ValueError) -> _BadLine:
    if line.startswith(BYTE_ORDER_MARK):
        return _BadLine("begins with a byte order mark; expected one at most where the file begins; remove it")
    reason = str(error) if isinstance(error, json.JSONDecodeError) else "a number of too many digits"
    return _BadLine(f"not valid JSON ({reason}); expected an object; correct the line")


def _wrong_type(fields: dict[str, object]) -> _BadLine:
    """The first field that should be a text and is none."""
    name = next(name for name in Row._fields if name in fields and type(fields[name]) is not str)
    value = fields[name]
    shown = json_kind(value) if isinstance(value, list | dict) else json.dumps(value)[:40]
    return _BadLine(f"'{name}' is {shown}; expected a text; put it in quotation marks")


def _missing(fields: dict[str, object]) -> _BadLine:
    """The first required field that is absent or blank."""
    for name in REQUIRED_FIELDS:
        if name not in fields:
            return _BadLine(f"no field '{name}'; expected prompt and completion; add it")
    name = next(name for name in REQUIRED_FIELDS if not str(fields[name]).strip())
    return _BadLine(f"'{name}' is empty; expected a text; fill it in or delete the line")


def _refuse_half_characters(values: list[str]) -> None:
    """An escape such as \\ud83d alone is valid JSON, but no text that could be written or tokenized."""
    for name, value in zip(Row._fields, values, strict=True):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _BadLine(
                f"'{name}' has an escape (\\ud800 to \\udfff) that is half a character; expected both halves; "
                "correct the line"
            ) from None
