"""The model of a run as evaluation uses it: completions of prompts, and likelihoods of given answers."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reversal_cli.data.base import Splits
from reversal_cli.evaluation.estimate import Pending, estimate_line
from reversal_cli.evaluation.options import EvaluationOptions
from reversal_cli.evaluation.retention import measure_retention, measured_before, retention_texts
from reversal_cli.inference.answers import Complete, Measure
from reversal_cli.processes.place import place
from reversal_cli.processes.together import from_first
from reversal_cli.runs import manifest
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Retention
from reversal_cli.runs.weights import refuse_other_weights
from reversal_cli.spec.experiment import ExperimentSpec

if TYPE_CHECKING:
    from reversal_cli.models.base import Loaded


LARGE = 20_000_000
"""Parameters from which an evaluation can take so long that it is worth an estimate."""


class RunModel(NamedTuple):
    """The model of a run as functions."""

    complete: Complete
    measure: Measure
    load: Callable[[], object]
    """Loads the model now; raises ReversalError if it cannot."""
    announce: Callable[[Pending], None]
    """Says how long a large model will take."""
    retain: Callable[[], Retention]
    """Measures the loss on the texts of `evaluation.retention`; raises ReversalError if there are none."""


def model_of_run(
    run: RunDirectory,
    spec: ExperimentSpec,
    splits: Splits,
    options: EvaluationOptions,
    on_loading: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> RunModel:
    """The model of a run. It loads on first use: every prediction may already be on disk.

    options: of which batch size and device are used; answers do not depend on them.
    on_loading: called when loading begins. say: prints a line.
    """
    size = options.batch_size or spec.evaluation.batch_size

    @functools.cache
    def loaded() -> "Loaded":
        on_loading()
        refuse_other_weights(run, spec)
        from reversal_cli.models.loading import load_for_evaluation
        from reversal_cli.models.precision import arithmetic

        training = spec.training.model_copy(update={"device": options.device or spec.training.device})
        model = load_for_evaluation(spec.model_copy(update={"training": training}), run)
        now = arithmetic(model.model.dtype, model.model.device)

        def record() -> None:
            manifest.add_model(run, model.identity)
            manifest.refuse_mixed_precision(run, now.dtype)
            manifest.add_evaluation(run, now)

        from_first(record)
        return model

    def complete(prompts: Sequence[str]) -> Iterable[Any]:
        from reversal_cli.inference.complete import complete_prompts

        def ask(texts: Sequence[str]) -> Iterable[Any]:
            return complete_prompts(model, spec.objective, texts, spec.evaluation.max_new_tokens, size)

        model = loaded()
        if place().processes == 1:
            return ask(prompts)
        from reversal_cli.evaluation.dealing import deal_prompts

        return deal_prompts(model.tokenizer, prompts, size, ask)

    def measure(subtask: str, positions: Sequence[int]) -> Iterable[Any]:
        from reversal_cli.evaluation.ranking import measure_examples

        def ask(rows: Sequence[int]) -> Iterable[Any]:
            return measure_examples(model, spec.objective, splits, subtask, rows, spec.evaluation.seed, size)

        model = loaded()
        if place().processes == 1:
            return ask(positions)
        from reversal_cli.evaluation.dealing import deal_rows

        return deal_rows(splits.subtasks[subtask].examples, positions, size, ask)

    def announce(work: Pending) -> None:
        if place().processes > 1:
            return  # it is timed for one
        asks = work.prompts or any(work.questions.values())
        if (
            asks
            and loaded().identity.get("parameters", 0) >= LARGE
            and (line := estimate_line(work, complete, measure))
        ):
            say(f"{run.path}: {line}")

    def retain() -> Retention:
        texts = retention_texts(spec.model, spec.evaluation.retention)
        measured = measured_before(run, texts)
        if measured:
            return measured
        model = loaded()
        return from_first(lambda: measure_retention(model, texts, size))

    return RunModel(complete, measure, loaded, announce, retain)
