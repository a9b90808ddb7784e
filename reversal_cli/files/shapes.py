"""Typed objects for the tables of JSON files: read with one line for what is wrong, written back as they were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import JsonObject, iterate_records, read_json

Texts = dict[str, str]
LONGEST_VALUE = 200
"""Characters of a value that a message repeats."""

EXPECTATIONS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "missing": "a value",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "too_long": "at most {max_length} values",
    "too_short": "at least {min_length} values",
    "string_too_short": "a text that is not empty",
}
"""pydantic's kind of error -> our words; other kinds keep pydantic's."""


class Shape(BaseModel):
    """A table in a file. No value is converted, and unknown fields are kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    def content(self) -> JsonObject:
        """The table as the file has it: the fields that were read or set, no defaults."""
        return self.model_dump(exclude_unset=True)


class FileShape(Shape):
    """A whole file. One without a version is of version 1."""

    version: Literal[1] = 1

    def content(self) -> JsonObject:
        return {"version": self.version, **super().content()}


S = TypeVar("S", bound=Shape)


def read_shape(path: Path, shape: type[S], remedy: str) -> S:
    """The content of a JSON file. Raises ReversalError if it does not have that shape."""
    return parse_shape(read_json(path, remedy), shape, str(path), remedy)


def read_shapes(path: Path, shape: type[S], remedy: str) -> list[S]:
    """As `iterate_shapes`, all at once."""
    return list(iterate_shapes(path, shape, remedy))


def iterate_shapes(path: Path, shape: type[S], remedy: str) -> Iterator[S]:
    """The lines of a JSONL file; none if it is absent, and without a last line that was cut off.

    One at a time: whoever needs only a few fields of each is twice as fast without all of them in memory.
    """
    for number, record in enumerate(iterate_records(path, remedy), start=1):
        yield parse_shape(record, shape, f"{path}:{number}", remedy)


def parse_shape(content: Any, shape: type[S], where: str, remedy: str) -> S:
    """Raises ReversalError for the first field of another type: `where: n is 'x'; expected a whole number; remedy`."""
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        # A wrong value comes first: a missing one may only mean that this is another kind of table.
        problem = min(error.errors(include_url=False), key=lambda problem: problem["type"] == "missing")
    key = ".".join(map(str, problem["loc"]))
    if key == "version" and isinstance(problem["input"], int) and problem["input"] > 1:
        raise ReversalError(
            f"{where}: is of version {problem['input']}, made by a newer reversal; expected version "
            f"{expectation(problem)}; update reversal"
        )
    fault = f"lacks '{key}'" if problem["type"] == "missing" else f"{key or 'it'} is {value_text(problem['input'])}"
    raise ReversalError(f"{where}: {fault}; expected {expectation(problem)}; {remedy}")


def expectation(problem: Any) -> str:
    """What pydantic expected, in our words."""
    words = EXPECTATIONS.get(problem["type"])
    if words is None:
        return problem["msg"].removeprefix("Input should be ")
    return words.format(**problem.get("ctx", {}))


def value_text(value: Any) -> str:
    """A value as TOML, cut to `LONGEST_VALUE` characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
