"""Rejects options that have no effect on this model or objective.

An option is unused if the model's family or another option leaves it without meaning: positions of rotary models on a
GLM, the mean length of random spans if spans are single. Its default is harmless; any other value was meant to do
something.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import GLM_ONLY, FamilyName
from reversal_cli.spec.experiment import ExperimentSpec, LoraSpec, TrainingSpec
from reversal_cli.spec.families import known_family
from reversal_cli.spec.presets import PRESETS, preset_source
from reversal_cli.spec.toml import flatten
from reversal_cli.spec.validation import Setting, validate

LORA_KEYS = tuple(f"lora.{field}" for field in LoraSpec.model_fields)
LORA_SETTINGS = tuple(f"training.{key}" for key in LORA_KEYS)
TRAINING_KEYS = (*(field for field in TrainingSpec.model_fields if field != "lora"), *LORA_KEYS)


class Layers(NamedTuple):
    """The settings of one point of a grid, lowest first."""

    defaults: list[Setting]
    """Its names, the preset's recipe and what follows from the decoder; an unused option is left out."""
    given: list[Setting]
    """The TOML file and the flags; an unused option is refused."""
    place: int
    """Of its run among the runs of the file."""
    own: frozenset[str]
    """The keys that its run alone gives."""


def settle(points: Sequence[Layers]) -> tuple[ExperimentSpec, ...]:
    """The validated spec of each point of a grid.

    An option may be unused in some points if another one uses it: one [objective] table serves a Llama and a GLM, and
    its options for one of them are left out for the other. What a run alone gives, a point of that run must use. Raises
    ReversalError for an option that no such point uses.
    """
    drafts = [validate(ExperimentSpec, [*point.defaults, *point.given]) for point in points]
    families = [known_family(draft.model.name) for draft in drafts]
    used: set[str] = set()
    used_by_run: dict[int, set[str]] = {}
    for point, draft, family in zip(points, drafts, families, strict=True):
        here = {setting.key for setting in point.given} - unused_options(draft, family).keys()
        used |= here
        used_by_run.setdefault(point.place, set()).update(here)
    return tuple(
        _settled(point, draft, family, (used - point.own) | used_by_run[point.place])
        for point, draft, family in zip(points, drafts, families, strict=True)
    )


def _settled(layers: Layers, draft: ExperimentSpec, family: FamilyName | None, used: set[str]) -> ExperimentSpec:
    unused = changed_unused_options(draft, family)
    for setting in reversed(layers.given):
        if setting.key in unused and setting.key not in used:
            raise has_no_effect(setting.source, setting.key, unused[setting.key])
    effective = [setting for setting in (*layers.defaults, *layers.given) if setting.key not in unused]
    return validate(ExperimentSpec, effective) if unused else draft


def refuse_unused_blanks(family: FamilyName, abi: Abi, given: Sequence[Setting]) -> None:
    """Raises ReversalError for an option of blanks that a base model of this family is not pretrained with."""
    unused = abi.unused(family)
    if family == "rotary":
        unused = dict.fromkeys(Abi.model_fields, "it is for family 'glm', and this is 'rotary'")
    for field in abi.model_dump(exclude_defaults=True):
        sources = [setting.source for setting in given if setting.key == f"abi.{field}"]
        if field in unused and sources:
            raise has_no_effect(sources[-1], f"abi.{field}", unused[field])


def changed_unused_options(spec: ExperimentSpec, family: FamilyName | None) -> dict[str, str]:
    """Dotted key -> why, of the unused options that are not at their defaults."""
    parts = {"model": spec.model, "objective": spec.objective, "transform": spec.transform, "training": spec.training}
    changed = {
        key for name, part in parts.items() for key, _ in flatten(part.model_dump(exclude_defaults=True), f"{name}.")
    }
    if not spec.transform.is_identity:
        changed.add("transform.name")
    return {key: why for key, why in unused_options(spec, family).items() if key in changed}


def unused_options(spec: ExperimentSpec, family: FamilyName | None) -> dict[str, str]:
    """Dotted key -> why it has no effect. family None: not known yet, so that only other options tell."""
    unused = {f"objective.{field}": why for field, why in spec.objective.unused(family).items()}
    unused |= {f"transform.{field}": why for field, why in spec.transform.unused().items()}
    if family == "rotary":
        unused |= {"model.gelu": GLM_ONLY, "model.mask_token_id": GLM_ONLY}
    if preset_source(spec.model.name) is None:
        unused["model.source"] = "it is for a preset with weights in two places, and this model has one"
    if spec.model.name in PRESETS or Path(spec.model.name).exists():
        unused["model.revision"] = "it is for a checkpoint of the hub, and this one is on this machine"
    return unused | _unused_in_training(spec)


def _unused_in_training(spec: ExperimentSpec) -> dict[str, str]:
    """The options of a training that have no effect."""
    if not spec.objective.trains:
        why = f"it is for a training, and objective '{spec.objective.name}' has none"
        of_transform = {f"transform.{key}": why for key in type(spec.transform).model_fields}
        return of_transform | {f"training.{key}": why for key in TRAINING_KEYS if key not in ("dtype", "device")}
    unused = _unused_beside_others(spec.training)
    if spec.training.token_budget is not None and spec.transform.epoch_divisor > 1:
        unused["transform.mode"] = "it divides training.epochs, and training.token_budget decides"
    return unused


def _unused_beside_others(training: TrainingSpec) -> dict[str, str]:
    """The options of a training that another of its options leaves without meaning."""
    unused: dict[str, str] = {}
    if training.tuning == "full":
        unused |= {f"training.{key}": "it is for LoRA, and training.tuning is 'full'" for key in LORA_KEYS}
    if training.token_budget is not None:
        why = "training.token_budget decides how long the training is"
        unused |= dict.fromkeys(("training.epochs", "training.stop_after_epochs"), why)
    elif (training.stop_after_epochs or 0) > training.epochs:
        unused["training.stop_after_epochs"] = f"training.epochs is {training.epochs}, so that training stops before"
    if training.eval_every is None:
        why = "it is for evaluations along training, and training.eval_every is not given"
        unused |= dict.fromkeys(("training.eval_limit", "training.eval_likelihood"), why)
    return unused


def refuse_unused_pretraining(training: TrainingSpec, given: Sequence[Setting]) -> None:
    """Raises ReversalError for an option of training that makes no difference to a base model: all its weights are
    new, and nothing is evaluated."""
    why = "a base model is trained as a whole, from new weights"
    unused = _unused_beside_others(training)
    unused |= dict.fromkeys(("training.tuning", "training.gradient_checkpointing", *LORA_SETTINGS), why)
    unused |= dict.fromkeys(("training.eval_limit", "training.eval_likelihood"), "a corpus has no validation prompts")
    unused["training.report_to"] = "only a fine-tuning is reported"
    saves = ("training.save_every_steps", "training.save_every_minutes")
    unused |= dict.fromkeys(saves, "only a fine-tuning is continued after an interruption")
    harmless = dict(flatten(TrainingSpec(tuning="full").model_dump(), "training."))
    for setting in given:
        if setting.key in unused and setting.value != harmless[setting.key]:
            raise has_no_effect(setting.source, setting.key, unused[setting.key])


def has_no_effect(source: str, key: str, why: str) -> ReversalError:
    """The error for an option without effect."""
    return ReversalError(f"{source}: '{key}' has no effect here: {why}; remove it")
