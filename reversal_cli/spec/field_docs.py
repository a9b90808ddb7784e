"""The docstrings and defaults of a spec's fields and the names of its registries, read from the source, so that
`--help` does not import pydantic."""

import ast
import functools
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
EXPERIMENT = PACKAGE / "spec" / "experiment.py"
SECTIONS = {
    "": (EXPERIMENT, "ExperimentSpec"),
    "dataset": (EXPERIMENT, "DatasetSpec"),
    "dataset.generator": (PACKAGE / "data" / "name_description" / "options.py", "Options"),
    "model": (EXPERIMENT, "ModelSpec"),
    "training": (EXPERIMENT, "TrainingSpec"),
    "evaluation": (EXPERIMENT, "EvaluationSpec"),
    "pretraining": (PACKAGE / "spec" / "pretraining.py", "PretrainSpec"),
}
"""Section of a spec -> the file and the class of its fields. `pretraining` is for base models."""


class FieldDoc(NamedTuple):
    """Default and meaning of one field."""

    default: str
    """As in the source, but a text without quotes and a switch as on or off. Empty: unset, or computed from other
    fields."""
    meaning: str
    """The text below the field, on one line."""


def field_help(key: str, instead: str = "") -> str:
    """The help of the flag for a field: its meaning and its default. instead: what may replace the default.

    >>> field_help("training.batch_size", "the preset's")
    "Examples per optimizer step.  [default: 4, or the preset's]"
    """
    section, _, name = key.rpartition(".")
    default, meaning = field_docs(section)[name]
    defaults = ", or ".join(text for text in (default, instead) if text)
    return f"{meaning}  [default: {defaults}]" if defaults else meaning


@functools.cache
def field_docs(section: str) -> dict[str, FieldDoc]:
    """The fields of one of `SECTIONS` that have a text."""
    path, name = SECTIONS[section]
    text, tree = _source(path)
    (definition,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {
        field: FieldDoc(_default(node.value, text), meaning) for field, node, meaning in documented_fields(definition)
    }


class Source(NamedTuple):
    text: str
    tree: ast.Module


@functools.cache
def _source(path: Path) -> Source:
    """A file, parsed once for all of its classes."""
    text = path.read_text(encoding="utf-8")
    return Source(text, ast.parse(text))


def documented_fields(definition: ast.ClassDef) -> Iterator[tuple[str, ast.AnnAssign, str]]:
    """Name, definition and meaning of each field with a text below it."""
    for field, below in pairwise(definition.body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield field.target.id, field, " ".join(below.value.value.split())


def _default(value: ast.expr | None, text: str) -> str:
    """Of `= 3`, `= Field(default=3, ge=1)` and the like, `3`."""
    if isinstance(value, ast.Call):
        value = next((argument.value for argument in value.keywords if argument.arg == "default"), None)
    if not isinstance(value, ast.Constant) or value.value is None:
        return ""
    if isinstance(value.value, bool):
        return "on" if value.value else "off"
    return value.value if isinstance(value.value, str) else ast.get_source_segment(text, value) or ""


def choices_help(kind: str, last: str = "") -> str:
    """The names of a registry of this package, `objectives` or `transforms`, in its order. last: one to end with.

    >>> choices_help("transforms", "others").startswith("none, reverse, spt, ")
    True
    """
    registry = next(
        node for node in _source(PACKAGE / kind / "__init__.py").tree.body if isinstance(node, ast.AnnAssign)
    )
    keys = registry.value.keys if isinstance(registry.value, ast.Dict) else []
    names = [str(key.value) for key in keys if isinstance(key, ast.Constant)]
    *first, end = [*names, last] if last else names
    return f"{', '.join(first)} or {end}"
