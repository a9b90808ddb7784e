"""Every option of a spec with its meaning and its default, read from the fields and their docstrings."""

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reversal_cli.errors import unknown_name
from reversal_cli.spec.choices import CHOICES, DEFAULTS
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.field_docs import documented_fields

WHAT = {"objective": "What is trained", "transform": "What is done to the training rows"}
"""The meaning of the name of a section in `CHOICES`."""


class OptionDoc(NamedTuple):
    """One option."""

    key: str
    """As in a TOML file or after --set: `training.epochs`."""
    default: Any
    """None if the option is unset, required, or computed from other options."""
    meaning: str


def option_docs(section: str | None = None) -> list[OptionDoc]:
    """Every option, in the order of the spec; `section`: only its options, such as `training` or `training.lora`.

    The meaning of an option of an objective or a transform begins with its name.

    Raises ReversalError for an unknown section.
    """
    docs = list(_of_model(ExperimentSpec, ""))
    if section is None:
        return docs
    if section not in sections():
        raise unknown_name("list --options", "section", section, sections())
    return [doc for doc in docs if doc.key.startswith(f"{section}.")]


def sections() -> set[str]:
    """`training`, `training.lora` and so on."""
    keys = [doc.key for doc in _of_model(ExperimentSpec, "")]
    return {key[:end] for key in keys for end, letter in enumerate(key) if letter == "."}


def _of_model(model: type[BaseModel], prefix: str) -> Iterator[OptionDoc]:
    meanings = attribute_docstrings(model)
    for name, field in model.model_fields.items():
        if name in CHOICES:
            yield from _of_choice(name)
        elif nested := _nested(field):
            yield from _of_model(nested, f"{prefix}{name}.")
        else:
            yield OptionDoc(prefix + name, _default(field), meanings[name])


def _of_choice(section: str) -> Iterator[OptionDoc]:
    names = f"{WHAT[section]}: {', '.join(CHOICES[section])}; see `reversal list`."
    yield OptionDoc(f"{section}.name", DEFAULTS[section], names)
    for choice, options in CHOICES[section].items():
        meanings = attribute_docstrings(options)
        for name, field in options.model_fields.items():
            if name != "name":
                yield OptionDoc(f"{section}.{name}", _default(field), f"{choice}: {meanings[name]}")


def attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Field -> the text below it in the source, on one line, inherited fields included.

    Python does not keep docstrings of attributes, so the source is read.
    """
    meanings: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(definition, ast.ClassDef)
            meanings |= {name: meaning for name, _, meaning in documented_fields(definition)}
    return meanings


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *typing.get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _default(field: FieldInfo) -> Any:
    computed = field.is_required() or field.default_factory is not None
    return None if computed else field.default
