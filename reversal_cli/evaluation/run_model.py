"""The model of a run as evaluation uses it: completions of prompts, and likelihoods of given answers."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from reversal_cli.data.base import Splits
from reversal_cli.evaluation.estimate import Pending, estimate_line
from reversal_cli.evaluation.long_answers import long_answers
from reversal_cli.evaluation.options import EvaluationOptions
from reversal_cli.evaluation.retention import measure_retention, measured_before, retention_texts
from reversal_cli.inference.answers import Completion, Measured
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


class RunModel:
    """The model of a run. It loads on first use: every prediction may already be on disk."""

    def __init__(
        self,
        run: RunDirectory,
        spec: ExperimentSpec,
        splits: Splits,
        options: EvaluationOptions,
        on_loading: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = lambda line: None,
        warn: Callable[[str], None] = lambda line: None,
    ):
        """options: of which batch size, device and whether all is asked are used; answers do not depend on them.

        on_loading: called when loading begins. say: prints a line. warn: prints one about answers that are cut off.
        """
        self.run, self.spec, self.splits = run, spec, splits
        self.device = options.device or spec.training.device
        self.batch_size = options.batch_size or spec.evaluation.batch_size
        self.whole = not options.partial
        self.on_loading, self.say, self.warn = on_loading, say, warn

    @functools.cached_property
    def loaded(self) -> "Loaded":
        """The model, loaded once; its identity and arithmetic go into the manifest.

        Raises ReversalError if it cannot be loaded, or its weights are not the run's.
        """
        self.on_loading()
        refuse_other_weights(self.run, self.spec)
        from reversal_cli.models.loading import load_for_evaluation
        from reversal_cli.models.precision import arithmetic

        training = self.spec.training.model_copy(update={"device": self.device})
        model = load_for_evaluation(self.spec.model_copy(update={"training": training}), self.run)
        now = arithmetic(model.model.dtype, model.model.device)

        def record() -> None:
            manifest.add_model(self.run, model.identity)
            manifest.refuse_mixed_precision(self.run, now.dtype)
            manifest.add_evaluation(self.run, now)

        from_first(record)
        tests = self.splits.subtasks.values() if self.whole else ()
        if line := long_answers(model.tokenizer, tests, self.spec.evaluation.max_new_tokens):
            self.warn(line)
        return model

    def load(self) -> None:
        """Loads the model now; raises ReversalError if it cannot."""
        _ = self.loaded

    def complete(self, prompts: Sequence[str]) -> Iterable[Sequence[Completion]]:
        """Batches of completions, in any order."""
        from reversal_cli.inference.complete import complete_prompts

        model = self.loaded

        def ask(texts: Sequence[str]) -> Iterable[Sequence[Completion]]:
            return complete_prompts(
                model, self.spec.objective, texts, self.spec.evaluation.max_new_tokens, self.batch_size
            )

        if place().processes == 1:
            return ask(prompts)
        from reversal_cli.evaluation.dealing import deal_prompts

        return deal_prompts(model.tokenizer, prompts, self.batch_size, ask)

    def measure(self, subtask: str, positions: Sequence[int]) -> Iterable[Sequence[Measured]]:
        """Batches of likelihoods of given answers, in any order."""
        from reversal_cli.evaluation.ranking import measure_examples

        model, seed = self.loaded, self.spec.evaluation.seed

        def ask(rows: Sequence[int]) -> Iterable[Sequence[Measured]]:
            return measure_examples(model, self.spec.objective, self.splits, subtask, rows, seed, self.batch_size)

        if place().processes == 1:
            return ask(positions)
        from reversal_cli.evaluation.dealing import deal_rows

        return deal_rows(self.splits.subtasks[subtask].examples, positions, self.batch_size, ask)

    def announce(self, work: Pending) -> None:
        """Says how long a large model will take."""
        if place().processes > 1:
            return  # it is timed for one
        if not (work.prompts or any(work.questions.values())):
            return
        large = self.loaded.identity.get("parameters", 0) >= LARGE
        if large and (line := estimate_line(work, self.complete, self.measure)):
            self.say(f"{self.run.path}: {line}")

    def retain(self) -> Retention:
        """The loss on the texts of `evaluation.retention`; raises ReversalError if there are none."""
        texts = retention_texts(self.spec.model, self.spec.evaluation.retention)
        measured = measured_before(self.run, texts)
        if measured:
            return measured
        model = self.loaded
        return from_first(lambda: measure_retention(model, self.spec.objective, texts, self.batch_size))
