"""The model of a run as evaluation uses it: completions of prompts, and likelihoods of given answers."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reversal_cli.data.base import Splits
from reversal_cli.inference.answers import Complete, Measure
from reversal_cli.runs import manifest
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.weights import refuse_other_weights
from reversal_cli.spec.experiment import ExperimentSpec

if TYPE_CHECKING:
    from reversal_cli.models.base import Loaded


class RunModel(NamedTuple):
    """The model of a run as three functions."""

    complete: Complete
    measure: Measure
    load: Callable[[], object]
    """Loads the model now; raises ReversalError if it cannot."""


def model_of_run(
    run: RunDirectory,
    spec: ExperimentSpec,
    splits: Splits,
    batch_size: int | None = None,
    device: str | None = None,
    on_loading: Callable[[], None] = lambda: None,
) -> RunModel:
    """The model of a run. It loads on first use: every prediction may already be on disk.

    batch_size, device: None means those of the spec; answers do not depend on them.
    on_loading: called when loading begins.
    """
    size = batch_size or spec.evaluation.batch_size

    @functools.cache
    def loaded() -> "Loaded":
        on_loading()
        refuse_other_weights(run, spec)
        from reversal_cli.models.loading import load_for_evaluation
        from reversal_cli.models.precision import arithmetic

        training = spec.training.model_copy(update={"device": device or spec.training.device})
        model = load_for_evaluation(spec.model_copy(update={"training": training}), run)
        manifest.add_model(run, model.identity)
        manifest.add_evaluation(run, arithmetic(model.model.dtype, model.model.device))
        return model

    def complete(prompts: Sequence[str]) -> Iterable[Any]:
        from reversal_cli.inference.complete import complete_prompts

        return complete_prompts(loaded(), spec.objective, prompts, spec.evaluation.max_new_tokens, size)

    def measure(subtask: str, positions: Sequence[int]) -> Iterable[Any]:
        from reversal_cli.evaluation.ranking import measure_examples

        return measure_examples(loaded(), spec.objective, splits, subtask, positions, spec.evaluation.seed, size)

    return RunModel(complete, measure, loaded)
