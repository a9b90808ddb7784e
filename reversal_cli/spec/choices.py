"""The sections of a spec whose options depend on a name: the objective and the transform.

`objective.bico_share` is an option of objective 'bico' alone; in a grid over objectives it is for that one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.objectives.base import LENT_BY_GLM, FamilyName
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.families import known_family
from reversal_cli.spec.validation import Setting, unknown_key
from reversal_cli.transforms import TRANSFORMS

CHOICES: dict[str, Mapping[str, type[BaseModel]]] = {"objective": OBJECTIVE_SPECS, "transform": TRANSFORMS}
"""Section -> name -> its options."""
DEFAULTS: dict[str, str] = {section: ExperimentSpec.model_fields[section].default.name for section in CHOICES}
Chosen = Mapping[str, Setting]
"""Section -> the setting of its name, in one run."""


def refuse_unknown(chosen: Chosen) -> None:
    """Raises ReversalError for a name that its section does not have."""
    for section, setting in chosen.items():
        if setting.value not in CHOICES[section]:
            raise unknown_name(setting.source, section, str(setting.value), CHOICES[section])


def of_decoder(objective: str, decoder: Setting) -> list[Setting]:
    """The defaults that follow from what was set as decoder, or from the objective's own where that is empty.

    Answers that are denoised are ranked on request alone: each token of each candidate takes a pass of its own.
    """
    field = OBJECTIVE_SPECS[objective].model_fields.get("decoder")
    if field is None:  # in a grid, the decoder of another objective
        return []
    value = decoder.value or field.default
    return [] if value == "continue" else [Setting("evaluation.likelihood", False, f"decoder '{value}'")]


def applies(setting: Setting, chosen: Chosen, all_chosen: Mapping[str, set[Any]]) -> bool:
    """Whether a setting belongs to a point; False only for an option of another objective or transform.

    all_chosen: section -> the names that the points have for which the setting was given. Raises ReversalError for an
    option of none.
    """
    section, _, field = setting.key.partition(".")
    if section not in CHOICES or not field:
        return True
    choice, known = chosen[section], CHOICES[section]
    if field in known[choice.value].model_fields:
        return True
    owners = [name for name, options in known.items() if field in options.model_fields]
    if not owners:
        fields = {key for options in known.values() for key in options.model_fields}
        raise unknown_key(setting, [f"{section}.{key}" for key in sorted(fields)])
    if all_chosen[section].isdisjoint(owners):
        names = " or ".join(f"'{name}'" for name in owners)
        raise ReversalError(
            f"{setting.source}: '{setting.key}' belongs to {section} {names}, but the {section} is "
            f"'{choice.value}' ({choice.source}); leave it out or choose "
            + (f"{section} {names}" if len(owners) == 1 else "one of these")
        )
    return False


def refuse_misfit(spec: ExperimentSpec, settings: Sequence[Setting]) -> None:
    """Raises ReversalError if the objective does not fit the model, or the transform the objective or the training.
    settings: of the run."""
    family = known_family(spec.model.name)
    if family and (misfit := family_misfit(spec, family)):
        raise ReversalError(f"{_source('objective.name', settings)}: {misfit}")
    transform, objective = spec.transform, spec.objective
    beside = f"beside transform '{transform.name}'"
    if transform.moves_prompt and objective.needs_prompt:
        raise ReversalError(
            f"{_source('objective.loss_on', settings)}: objective.loss_on is 'completion'; expected 'sequence' "
            f"{beside}, whose rows have no prompt; leave it out"
        )
    if transform.extra_tokens and objective.needs_blanks:
        raise ReversalError(
            f"{_source('transform.name', settings)}: transform '{transform.name}' needs a token of its own; expected "
            f"none beside objective '{objective.name}', which has tokens for blanks; leave out its tag, or unit "
            "'segment'"
        )
    length = spec.evaluation.max_new_tokens
    if objective.answer_length not in (None, length):
        raise ReversalError(
            f"{_source('objective.eos_padding', settings)}: objective.eos_padding is {objective.answer_length}; "
            f"expected evaluation.max_new_tokens, {length}, beside decoder 'maskgit', which writes answers of that "
            "length; set one of them"
        )
    for key, value in (("epochs", spec.training.epochs), ("stop_after_epochs", spec.training.stop_after_epochs)):
        if value and value % transform.epoch_divisor:
            raise ReversalError(
                f"{_source(f'training.{key}', settings)}: training.{key} is {value}; expected a multiple of "
                f"{transform.epoch_divisor} {beside}, which trains one in {transform.epoch_divisor} of them; change it"
            )


def family_misfit(spec: ExperimentSpec, family: FamilyName) -> str:
    """Why objective and transform cannot train a model of the family, and what to do; empty if they can."""
    objective, transform = spec.objective, spec.transform
    wanted = objective.extra_tokens + transform.extra_tokens
    refusal = objective.refusal(family)
    if not refusal and family == "glm" and wanted > LENT_BY_GLM:
        refusal = (
            f"{spec.method} wants {wanted} tokens without a meaning, and a GLM of 2022 has {LENT_BY_GLM} to lend; "
            "choose other options, or a rotary model"
        )
    return f"model '{spec.model.name}' is a {family} model; {refusal}" if refusal else ""


def _source(key: str, settings: Sequence[Setting]) -> str:
    """Who gave the last value of a key."""
    return next((setting.source for setting in reversed(settings) if setting.key == key), "default")
