"""Reader of one JSONL file in the published layout; an error names the line.

`files/reading.py` reads the other JSONL files of this package and refuses NaN; here unknown fields may hold anything.
Both skip a byte order mark at the beginning of a file.
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
"""Bytes of whole lines that are read and hashed at once: the whole file is never in memory beside its examples."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class RawExample(NamedTuple):
    """The known fields of one line; empty if the line does not have them."""

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
ALL_FIELDS = itemgetter(*RawExample._fields)
GROUPS = frozenset({"", *get_args(Group)})


class ExampleFile(NamedTuple):
    """The examples of a file and the SHA-256 of the bytes that they were read from, as hex digits."""

    examples: list[RawExample]
    sha256: str


class _BadLine(Exception):
    """What is wrong with a line: what was found; what is expected; what to do."""


def read_file(path: Path) -> ExampleFile:
    """The examples of one file, example i being line i + 1, with unknown fields left out, and its SHA-256.

    Raises ReversalError with file and line for anything that is not one JSON object of non-empty texts per line.
    """
    if not path.is_file():
        raise ReversalError(f"{path}: no such file; expected one JSON object per line; check the path")
    examples: list[RawExample] = []
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file, without_garbage_collection():
            # A bytes line ends at a line feed only; a text one also at U+2028, which JSON allows in a text.
            while block := file.readlines(BLOCK):
                digest.update(b"".join(block))
                if not examples:
                    block[0] = block[0].removeprefix(BYTE_ORDER_MARK)
                examples += _block_examples(block, path, len(examples) + 1)
    except OSError as error:
        raise ReversalError(
            f"{path}: cannot be read ({error.strerror}); expected a text file; check the file"
        ) from None
    if not examples:
        raise ReversalError(f"{path}: the file is empty; expected one JSON object per line; get it again")
    return ExampleFile(examples, digest.hexdigest())


def check_spaces(examples: Iterable[RawExample], path: Path) -> None:
    """Raises ReversalError unless `prompt + completion` is a sentence: exactly one space joins them."""
    for number, example in enumerate(examples, start=1):
        completion = example.completion
        if example.prompt[-1].isspace() or completion[0] != " " or completion[1:2].isspace():
            raise ReversalError(
                f"{path}:{number}: prompt and completion do not join with one space; expected the completion to begin "
                "with the only space between them; correct the line"
            )


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Examples are many and stay: searching them for garbage again and again would take half of the reading time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _block_examples(lines: list[bytes], path: Path, first: int) -> list[RawExample]:
    values = _parse_block(lines)
    examples = _plain_examples(values) if values else None
    if examples is not None:
        return examples
    examples = []
    for line, fields in zip(lines, values or itertools.repeat(None), strict=False):
        try:
            examples.append(_raw_example(_parse(line) if fields is None else fields))
        except _BadLine as fault:
            raise ReversalError(f"{path}:{first + len(examples)}: {fault}") from None
    return examples


def _plain_examples(values: list[Any]) -> list[RawExample] | None:
    """The examples of objects that all have every field, in ASCII; None if `_raw_example` must look at each of them.

    Like `_raw_example`, but column by column, in a third of the time. The files of this package are like that.
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
    return list(map(RawExample._make, zip(prompts, completions, *labels, strict=True)))


def _parse_block(lines: list[bytes]) -> list[object] | None:
    """The values of all lines, parsed at once, which takes a third of the time; None if a line is not a JSON value.

    The zeros between the lines keep two broken lines from forming one value.
    """
    try:
        values = json.loads((b"[" + b",0,".join(lines) + b"]").decode())
    except (ValueError, RecursionError):
        return None
    return values[::2] if len(values) == 2 * len(lines) - 1 and not any(values[1::2]) else None


def _raw_example(fields: object) -> RawExample:
    if not isinstance(fields, dict):
        raise _BadLine(f"found {json_kind(fields)}; expected an object with prompt and completion; correct the line")
    values = [fields.get(name, "") for name in RawExample._fields]
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
    # Interned: a label stands in many examples, but in memory once.
    return RawExample(
        prompt, completion, intern(entity_id), intern(template_id), intern(name), intern(description), group
    )


def _parse(line: bytes) -> object:
    """The value of one line. Raises _BadLine."""
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
    """The error for the first field that is not a text."""
    name = next(name for name in RawExample._fields if name in fields and type(fields[name]) is not str)
    value = fields[name]
    text = json_kind(value) if isinstance(value, list | dict) else json.dumps(value)[:40]
    return _BadLine(f"'{name}' is {text}; expected a text; put it in quotation marks")


def _missing(fields: dict[str, object]) -> _BadLine:
    """The error for the first required field that is absent or blank."""
    for name in REQUIRED_FIELDS:
        if name not in fields:
            return _BadLine(f"no field '{name}'; expected prompt and completion; add it")
    name = next(name for name in REQUIRED_FIELDS if not str(fields[name]).strip())
    return _BadLine(f"'{name}' is empty; expected a text; fill it in or delete the line")


def _refuse_half_characters(values: list[str]) -> None:
    """Raises _BadLine for an escape such as \\ud83d alone: valid JSON, but it cannot be written or tokenized."""
    for name, value in zip(RawExample._fields, values, strict=True):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _BadLine(
                f"'{name}' has an escape (\\ud800 to \\udfff) that is half a character; expected both halves; "
                "correct the line"
            ) from None
