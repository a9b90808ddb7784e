"""The model families, and loading a checkpoint with its own."""

import dataclasses

import torch

from reversal_cli.errors import ReversalError
from reversal_cli.models import glm, rotary
from reversal_cli.models.base import Family, Loaded
from reversal_cli.models.chat import chat_tokens
from reversal_cli.models.checkpoint import family_of
from reversal_cli.models.extra_tokens import with_extra_tokens
from reversal_cli.models.probing import refuse_foreign_masks
from reversal_cli.models.rotary_blanks import with_blanks
from reversal_cli.objectives.base import FamilyName, TokenIds
from reversal_cli.spec.choices import family_misfit
from reversal_cli.spec.experiment import ExperimentSpec, ModelSpec, ObjectiveSpec

FAMILIES: dict[FamilyName, Family] = {"rotary": rotary.FAMILY, "glm": glm.FAMILY}


def load_checkpoint(spec: ExperimentSpec, dtype: torch.dtype, device: torch.device) -> Loaded:
    """The checkpoint of the spec, with the tokens that its objective and its transform need. New weights
    are drawn from the seed."""
    torch.manual_seed(spec.seed)
    return _load(spec, spec.model, dtype, device, new=True)


def load_trained(spec: ExperimentSpec, folder: str, dtype: torch.dtype, device: torch.device) -> Loaded:
    """The same model with the weights that a full training saved in `folder`."""
    return _load(spec, ModelSpec(name=folder), dtype, device, new=False)


def _load(spec: ExperimentSpec, model: ModelSpec, dtype: torch.dtype, device: torch.device, new: bool) -> Loaded:
    loaded = FAMILIES[family_of(model)].load(model, dtype, device)
    objective, name = spec.objective, spec.objective.name.upper()
    if misfit := family_misfit(spec, loaded.family):  # of a checkpoint of the hub, whose family nothing else told
        raise ReversalError(misfit)
    if objective.needs_blanks and loaded.tokens.blanks is None:
        return with_blanks(loaded, new, name)
    if objective.masks_attention and loaded.family == "rotary":
        refuse_foreign_masks(loaded.model, loaded.identity["name"], name)
    own, count = objective.extra_tokens, objective.extra_tokens + spec.transform.extra_tokens
    if count:
        loaded = with_extra_tokens(loaded, count, new, spec.method.upper())
    spare = loaded.tokens.extra
    tokens = dataclasses.replace(loaded.tokens, extra=spare[:own], of_transform=spare[own:])
    if objective.instruction is not None:
        tokens = dataclasses.replace(tokens, chat=chat_tokens(loaded, objective.instruction))
    return dataclasses.replace(loaded, tokens=tokens)


def is_mirrored(objective: ObjectiveSpec, tokens: TokenIds) -> bool:
    """Whether a network is trained under mirrored attention. Absolute positions need no mirroring."""
    return objective.rotary_attention == "mirrored" and not tokens.two_row_positions
