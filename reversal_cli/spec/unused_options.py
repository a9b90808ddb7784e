"""Options that decide nothing in a run are refused, so that nobody waits for their effect.

An option is idle where the model's family or another option leaves it without meaning: positions of rotary models on a
GLM, the mean length of random spans where spans are single. Its default is harmless; any other value was meant to do
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
    """Its names and the preset's recipe: where one is idle, it is left out."""
    given: list[Setting]
    """By a person: where one is idle, it is refused."""


def settle(points: Sequence[Layers]) -> tuple[ExperimentSpec, ...]:
    """The validated spec of each point of a grid.

    An option may be idle in some points if another one heeds it: one [objective] table serves a Llama and a GLM, and
    its options for one of them are left out for the other. Raises ReversalError for an option that no point heeds.
    """
    drafts = [validate(ExperimentSpec, [*point.defaults, *point.given]) for point in points]
    families = [known_family(draft.model.name) for draft in drafts]
    heeded: set[str] = set()
    for point, draft, family in zip(points, drafts, families, strict=True):
        heeded |= {setting.key for setting in point.given} - idle_options(draft, family).keys()
    return tuple(_settled(*point, heeded) for point in zip(points, drafts, families, strict=True))


def _settled(layers: Layers, draft: ExperimentSpec, family: FamilyName | None, heeded: set[str]) -> ExperimentSpec:
    vain = in_vain(draft, family)
    for setting in reversed(layers.given):
        if setting.key in vain and setting.key not in heeded:
            raise would_be_ignored(setting.source, setting.key, vain[setting.key])
    kept = [setting for setting in (*layers.defaults, *layers.given) if setting.key not in vain]
    return validate(ExperimentSpec, kept) if vain else draft


def refuse_idle_blanks(family: FamilyName, abi: Abi, given: Sequence[Setting]) -> None:
    """Raises ReversalError for an option of blanks that a base model of this family is not pretrained with."""
    idle = abi.idle(family)
    if family == "rotary":
        idle = dict.fromkeys(Abi.model_fields, "it is for family 'glm', and this is 'rotary'")
    for field in abi.model_dump(exclude_defaults=True):
        sources = [setting.source for setting in given if setting.key == f"abi.{field}"]
        if field in idle and sources:
            raise would_be_ignored(sources[-1], f"abi.{field}", idle[field])


def in_vain(spec: ExperimentSpec, family: FamilyName | None) -> dict[str, str]:
    """Dotted key -> why, of the idle options that are not at their defaults."""
    parts = {"model": spec.model, "objective": spec.objective, "training": spec.training}
    changed = {
        key for name, part in parts.items() for key, _ in flatten(part.model_dump(exclude_defaults=True), f"{name}.")
    }
    return {key: why for key, why in idle_options(spec, family).items() if key in changed}


def idle_options(spec: ExperimentSpec, family: FamilyName | None) -> dict[str, str]:
    """Dotted key -> why it decides nothing. family None: not known yet, so that only other options tell."""
    idle = {f"objective.{field}": why for field, why in spec.objective.idle(family).items()}
    if family == "rotary":
        idle |= {"model.gelu": GLM_ONLY, "model.mask_token_id": GLM_ONLY}
    if preset_source(spec.model.name) is None:
        idle["model.source"] = "it is for a preset with weights in two places, and this model has one"
    if spec.model.name in PRESETS or Path(spec.model.name).exists():
        idle["model.revision"] = "it is for a checkpoint of the hub, and this one is on this machine"
    return idle | idle_training(spec)


def idle_training(spec: ExperimentSpec) -> dict[str, str]:
    """The same of what only training reads."""
    if spec.objective.name == "none":
        why = "it is for a training, and objective 'none' has none"
        return {f"training.{key}": why for key in TRAINING_KEYS if key not in ("dtype", "device")}
    return _idle_beside_others(spec.training)


def _idle_beside_others(training: TrainingSpec) -> dict[str, str]:
    """The same of what another option of training leaves without meaning."""
    idle = {}
    if training.tuning == "full":
        idle |= {f"training.{key}": "it is for LoRA, and training.tuning is 'full'" for key in LORA_KEYS}
    if (training.stop_after_epochs or 0) > training.epochs:
        idle["training.stop_after_epochs"] = f"training.epochs is {training.epochs}, so that training stops before"
    if training.eval_every is None:
        idle["training.eval_limit"] = "it is for evaluations along training, and training.eval_every is not given"
    return idle


def refuse_idle_pretraining(training: TrainingSpec, given: Sequence[Setting]) -> None:
    """Raises ReversalError for an option of training that makes no difference to a base model: all its weights are
    new, and nothing is evaluated."""
    why = "a base model is trained as a whole, from new weights"
    idle = _idle_beside_others(training)
    idle |= dict.fromkeys(("training.tuning", "training.gradient_checkpointing", *LORA_SETTINGS), why)
    idle["training.eval_limit"] = "a corpus has no validation prompts"
    harmless = dict(flatten(TrainingSpec(tuning="full").model_dump(), "training."))
    for setting in given:
        if setting.key in idle and setting.value != harmless[setting.key]:
            raise would_be_ignored(setting.source, setting.key, idle[setting.key])


def would_be_ignored(source: str, key: str, why: str) -> ReversalError:
    """The error for an option without effect."""
    return ReversalError(f"{source}: '{key}' would be ignored: {why}; leave it out, or give it where it is heeded")
