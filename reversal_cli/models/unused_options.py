"""Rejects what does not fit a checkpoint of the hub, whose family only its config.json tells: an objective that cannot
train it, and options that have no effect on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import FamilyName
from reversal_cli.runs.directory import RunDirectory, run_path
from reversal_cli.spec.choices import family_misfit
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.families import known_family
from reversal_cli.spec.unused_options import changed_unused_options, has_no_effect

FAMILY_NAMES = get_args(FamilyName)


def refuse_unused(specs: Sequence[ExperimentSpec], results: Path, overwrite: bool = False) -> None:
    """Raises ReversalError for an unused option or an unfit objective beside a checkpoint of the hub, whose family was
    not known before.

    Called before the first training. A config.json is fetched only if this depends on it and the run is not trained
    yet; with `overwrite` it is trained anyway, and its manifest, which may be broken, is not read.
    """
    for spec in specs:
        if known_family(spec.model.name) or not any(_depends_on(spec, family) for family in FAMILY_NAMES):
            continue
        if not overwrite and RunDirectory(run_path(results, spec.name, spec.seed)).is_trained:
            continue
        from reversal_cli.models.checkpoint import family_of  # imports transformers

        family = family_of(spec.model)
        if misfit := family_misfit(spec, family):
            raise ReversalError(misfit)
        for key, why in changed_unused_options(spec, family).items():
            raise has_no_effect(f"model '{spec.model.name}'", key, why)


def _depends_on(spec: ExperimentSpec, family: FamilyName) -> bool:
    """Whether something of the spec would be refused if its model were of the family."""
    return bool(family_misfit(spec, family) or changed_unused_options(spec, family))
