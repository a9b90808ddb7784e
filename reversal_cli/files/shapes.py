"""Checks the types in a file when it is read: a wrong one is refused in one line."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from reversal_cli.errors import ReversalError

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
}
"""pydantic's kind of error -> our words; other kinds keep pydantic's."""


class Shape(BaseModel):
    """Fields may be absent and others may be there; none is converted."""

    model_config = ConfigDict(strict=True, extra="ignore")


def check_shape(content: Any, shape: type[Shape], where: str, remedy: str) -> None:
    """Raises ReversalError for the first field of another type: `where: n is 'x'; expected a whole number; remedy`."""
    try:
        shape.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(map(str, problem["loc"]))
        found = f"lacks '{key}'" if problem["type"] == "missing" else f"{key or 'it'} is {shown(problem['input'])}"
        raise ReversalError(f"{where}: {found}; expected {expectation(problem)}; {remedy}") from None


def check_records(records: list[Any], shape: type[Shape], path: Path, remedy: str) -> None:
    """`check_shape` for every record of a file."""
    for number, record in enumerate(records, start=1):
        check_shape(record, shape, f"{path}:{number}", remedy)


def expectation(problem: Any) -> str:
    """What one error of pydantic expected, in our words."""
    words = EXPECTATIONS.get(problem["type"])
    if words is None:
        return problem["msg"].removeprefix("Input should be ")
    return words.format(**problem.get("ctx", {}))


def shown(value: Any) -> str:
    """A value as a TOML file has it, as far as a line has room for it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
