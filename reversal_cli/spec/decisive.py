"""Which fields of a spec decide its result, and so make it another experiment."""

import functools
from collections.abc import Mapping
from typing import Any

from reversal_cli.spec.toml import flatten

RESULT_NEUTRAL_FIELDS = (
    "training.device",
    "training.eval_every",
    "training.eval_limit",
    "training.eval_likelihood",
    "training.save_every_steps",
    "training.save_every_minutes",
    "training.report_to",
    "evaluation.batch_size",
    "evaluation.intervals",
    "dataset.generator.validation_templates",
    "resources",
    "resources.cpus",
    "resources.gpus",
)
"""Fields that may not change a result: two specs that differ in these alone are one experiment."""
LATER_FIELDS: dict[str, object] = {
    "model.source": None,
    "evaluation.dtype": None,
    "evaluation.retention": False,
    "dataset.per_seed": False,
    "training.token_budget": None,
    "objective.unit": "token",
    "objective.protect": "none",
    "objective.mask_eos": False,
    "objective.target": "next",
    "objective.positions": "mirrored",
    "objective.placeholder": "hidden",
    "objective.attention": "bidirectional",
    "objective.decoder": "continue",
    "objective.eos_padding": 0,
    "objective.steps": 32,
    "objective.guidance": 0.8,
    "objective.form": "plain",
    "transform": {"name": "none"},
    "paraphrases": 0,  # of a base
    "abi.protect": "none",  # of a base
}
"""Fields that a spec has not always had, and what it did then: left out of the digest while they say so, so that
earlier digests stay."""
LATER_OPTIONS: dict[str, dict[str, object]] = {
    "mlm-u": {"objective.decoder": "denoise"},
    "prefix-lm": {"objective.positions": "plain"},
}
"""Objective -> those of them that meant something else there."""


def later_fields(objective: str) -> dict[str, object]:
    """Field that a spec with this objective has not always had -> what it did then."""
    return LATER_FIELDS | LATER_OPTIONS.get(objective, {})


def decides(key: str, value: object, objective: str) -> bool:
    """Whether a field of this dotted key, with this value, makes another experiment than a spec without it."""
    later = later_fields(objective)
    return key not in RESULT_NEUTRAL_FIELDS and (key not in later or later[key] != value)


def decisive_content(content: dict[str, Any]) -> dict[str, Any]:
    """What is left of a dumped spec without fields that may not change a result and later fields that say what specs
    did before."""
    objective = content["objective"]["name"]
    for key in (*RESULT_NEUTRAL_FIELDS, *LATER_FIELDS):
        *sections, field = key.split(".")
        table = functools.reduce(lambda table, section: table.get(section) or {}, sections, content)
        if not decides(key, table.get(field), objective):
            table.pop(field, None)
    return content


def spec_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """`training.epochs 10 -> 20` for each field of two dumped specs that makes them two experiments."""
    before, after = dict(flatten(old)), dict(flatten(new))
    for fields in (before, after):
        for key, default in flatten(later_fields(fields.get("objective.name", ""))):
            fields.setdefault(key, default)
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    decisive = [key for key in changed if key not in RESULT_NEUTRAL_FIELDS]
    return [f"{key} {_or_unset(before.get(key))} -> {_or_unset(after.get(key))}" for key in decisive]


def _or_unset(value: Any) -> Any:
    return "unset" if value is None else value
