"""Validates settings into a spec, or says in one line which one is wrong, where it stands, and what is expected."""

import difflib
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reversal_cli.errors import LONGEST_NAME, ReversalError
from reversal_cli.files.shapes import expectation, value_text

Model = TypeVar("Model", bound=BaseModel)
SHORTEST_START = 3
"""Letters of a name that may stand for the rest."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one dotted key, and who gave it: a file, a flag, `--set`."""

    key: str
    value: Any
    source: str


def validate(model: type[Model], settings: Sequence[Setting]) -> Model:
    """The model with the settings applied in order, later ones winning. Raises ReversalError."""
    known = list(known_keys(model))
    for setting in settings:
        if setting.key not in known:
            raise unknown_key(setting, known)
        _refuse_other_bytes(setting)
    content = nest(settings)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ReversalError(_one_line(error, settings, known)) from None


def _refuse_other_bytes(setting: Setting) -> None:
    """Raises ReversalError for a text of the command line that is not UTF-8, which no manifest could hold."""
    if isinstance(setting.value, str) and not setting.value.isascii():
        try:
            setting.value.encode()
        except UnicodeEncodeError:
            raise ReversalError(f"{setting.source}: {setting.key} is {setting.value!r}; expected UTF-8") from None


def known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every dotted key of a spec, sections included: `training`, `training.epochs`, `training.lora`, ..."""
    nested: set[str] = set()
    for name, field in model.model_fields.items():
        yield prefix + name
        for part in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                nested.update(known_keys(part, f"{prefix}{name}."))
    yield from sorted(nested)


def nest(settings: Iterable[Setting]) -> dict[str, Any]:
    """Nested tables from dotted keys. An empty table opens its section and changes nothing in it."""
    content: dict[str, Any] = {}
    for setting in settings:
        *sections, leaf = setting.key.split(".")
        table = content
        for depth, section in enumerate(sections, start=1):
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                parent = ".".join(sections[:depth])
                raise ReversalError(f"{setting.source}: {setting.key} needs {parent} to be a table; found {table!r}")
        if setting.value == {} and isinstance(table.get(leaf), dict):
            continue
        table[leaf] = setting.value
    return content


def unknown_key(setting: Setting, known: Sequence[str]) -> ReversalError:
    """The error for a key no spec has, with the nearest one: by its last part, or by the whole key if its section is
    unknown too. If none is near, it lists the keys of the section."""
    section, _, leaf = setting.key.rpartition(".")
    siblings = [key for key in known if key.rpartition(".")[0] == section]
    by_leaf = {key.rpartition(".")[2]: key for key in [*reversed(known), *siblings]}
    close = [by_leaf[name] for name in difflib.get_close_matches(leaf[:LONGEST_NAME], by_leaf, n=1, cutoff=0.75)]
    if not close:  # `mask_prob` is too far from `mask_probability`
        close = [key for key in siblings if key.rpartition(".")[2].startswith(leaf) and len(leaf) >= SHORTEST_START][:1]
    if not siblings and not close:
        close = difflib.get_close_matches(setting.key[:LONGEST_NAME], known, n=1, cutoff=0.75)
    if close:
        hint = f"did you mean '{close[0]}'?"
    else:
        siblings = siblings or [key for key in known if "." not in key]
        hint = f"expected one of {', '.join(sorted(siblings))}"
    return ReversalError(f"{setting.source}: unknown key '{setting.key}'; {hint}")


def _one_line(error: ValidationError, settings: Sequence[Setting], known: Sequence[str]) -> str:
    """The first field at fault. A field of several types gives one pydantic error each; they are joined by "or"."""
    problems = error.errors(include_url=False)
    key = _key_of(problems[0]["loc"], known)
    mine = [problem for problem in problems if _key_of(problem["loc"], known) == key]
    given = [setting for setting in settings if setting.key == key or setting.key.startswith(f"{key}.")]
    # A check of several fields together names none: then all that was given may be at fault.
    sources = [setting.source for setting in (given or settings)]
    source = given[-1].source if given else ", ".join(dict.fromkeys(sources)) or "spec"
    own_words = [problem for problem in mine if problem["type"] == "value_error"]
    if own_words:
        where = f"{source}: {key}" if key else source
        return f"{where}: {own_words[0]['msg'].removeprefix('Value error, ')}"
    expected = " or ".join(dict.fromkeys(expectation(problem) for problem in mine))
    found = given[-1].value if given and given[-1].key == key else mine[0]["input"]
    return f"{source}: {key} is {value_text(found)}; expected {expected}"


def _key_of(location: tuple[int | str, ...], known: Sequence[str]) -> str:
    """The longest known key in pydantic's location, which also names union members: `objective.bico.bico_share`."""
    parts = [str(part) for part in location]
    key = ""
    for part in parts:
        longer = f"{key}.{part}" if key else part
        if longer in known:
            key = longer
    return key or ".".join(parts)
