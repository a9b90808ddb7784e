"""Validation accuracy during training, appended to curve.jsonl.

Only validation prompts are asked, so that a training can be stopped or tuned by its curve without a test prompt.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from torch import nn

from reversal_cli.data.base import Splits, Subtask
from reversal_cli.data.template_keys import with_template_ids
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.predictions import make_prediction, select_examples, with_likelihood
from reversal_cli.evaluation.ranking import measure_examples
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.inference.finite import working_on
from reversal_cli.models.attention import stock_attention
from reversal_cli.models.base import Loaded
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import CurveRecord, Prediction
from reversal_cli.scoring.entities import EntityIndex
from reversal_cli.scoring.results import SubtaskScores
from reversal_cli.scoring.summary import summarize
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.callbacks import OnStep


class Curve:
    """Evaluates a training in progress on validation prompts, and appends the records.

    loaded: holds the network that is being trained; LoRA changes its layers in place.
    """

    def __init__(
        self,
        run: RunDirectory,
        loaded: Loaded,
        spec: ExperimentSpec,
        splits: Splits,
        on_step: OnStep,
        say: Callable[[str], None],
    ):
        self.run = run
        self.loaded = loaded
        self.spec = spec
        self.subtasks = choose_prompts(splits.validation, spec.training.eval_limit)
        self.ranked = replace(splits, subtasks=self.subtasks)
        self.index = EntityIndex.of(splits)
        self.on_step = on_step
        self.say = say
        self.prompts = digest(self.subtasks)

    def refuse_other_prompts(self, last_step: int) -> None:
        """Raises ReversalError if the run's records up to a step, which stay, are about other prompts."""
        records = [record for record in self.run.read_curve() if record.step <= last_step]
        if any(record.prompts != self.prompts for record in records):
            raise ReversalError(
                f"{self.run.curve_path}: its records are about other prompts (the validation files or "
                "training.eval_limit have changed since, or an earlier version chose them); expected one set; restore "
                "them, or remove the file for a curve from here on"
            )

    def add_epoch(self, epoch: int, step: int) -> None:
        """Evaluates the network as it is now and appends the record."""
        started = time.monotonic()

        def on_prompts(done: int, total: int) -> None:
            self.on_step(done, total, stage="validation", epoch=epoch)

        sees_ahead = self.spec.objective.prompt_layout(self.loaded.tokens).sees_ahead
        with decoding(self.loaded.model, keep_attention=sees_ahead):
            measured = self._measure(on_prompts)
        seconds = round(time.monotonic() - started, 1)
        record = CurveRecord(epoch=epoch, step=step, seconds=seconds, prompts=self.prompts, subtasks=measured)
        self.run.append_curve(record)
        metrics = ("contains", "rank_top1") if self.spec.training.eval_likelihood else ("contains",)
        for metric in metrics:
            percent = ", ".join(f"{name} {100 * scores.metrics[metric].mean:.1f}" for name, scores in measured.items())
            self.say(f"epoch {epoch}: {percent} percent ({metric}, validation)")

    def _measure(self, on_prompts: Callable[[int, int], None]) -> dict[str, SubtaskScores]:
        """n, entities and metrics of every subtask, as in metrics.json."""
        stages = 2 if self.spec.training.eval_likelihood else 1
        done, total = 0, stages * sum(len(subtask.examples) for subtask in self.subtasks.values())
        on_prompts(done, total)

        def advance(count: int) -> None:
            nonlocal done
            done += count
            on_prompts(done, total)

        measured = {}
        for subtask in self.subtasks.values():
            with working_on(f"{self.run.path}: {subtask.name}"):
                predictions = self._complete(subtask, advance)
                if self.spec.training.eval_likelihood:
                    predictions = self._rank(subtask, predictions, advance)
            measured[subtask.name] = summarize(predictions, self.spec.evaluation.intervals)
        return measured

    def _complete(self, subtask: Subtask, advance: Callable[[int], None]) -> list[Prediction]:
        settings, predictions = self.spec.evaluation, []
        prompts = [example.prompt for example in subtask.examples]
        for batch in complete_prompts(
            self.loaded, self.spec.objective, prompts, settings.max_new_tokens, settings.batch_size
        ):
            predictions += [make_prediction(subtask, item.index, item, self.index) for item in batch]
            advance(len(batch))
        return predictions

    def _rank(
        self, subtask: Subtask, predictions: Sequence[Prediction], advance: Callable[[int], None]
    ) -> list[Prediction]:
        """The predictions with the measures of a ranking among the entities that the validation prompts ask for."""
        settings, by_id = self.spec.evaluation, {prediction.id: prediction for prediction in predictions}
        for batch in measure_examples(
            self.loaded,
            self.spec.objective,
            self.ranked,
            subtask.name,
            range(len(subtask.examples)),
            settings.seed,
            settings.batch_size,
        ):
            for item in batch:
                key = f"{subtask.name}/{item.row}"
                by_id[key] = with_likelihood(by_id[key], item.ranking, item.choice)
            advance(len(batch))
        return list(by_id.values())


def choose_prompts(subtasks: Mapping[str, Subtask], limit: int) -> dict[str, Subtask]:
    """The subtasks with at most `limit` prompts each, spread over entities and templates as `eval --limit` does."""
    return {
        name: replace(
            subtask, examples=tuple(subtask.examples[row] for row in select_examples(subtask.examples, limit))
        )
        for name, subtask in ((name, with_template_ids(subtask)) for name, subtask in subtasks.items())
    }


def digest(subtasks: Mapping[str, Subtask]) -> str:
    """Twelve hex digits: same digest, same prompts and targets."""
    rows = {name: [(row.prompt, row.completion) for row in subtask.examples] for name, subtask in subtasks.items()}
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]


@contextlib.contextmanager
def decoding(model: nn.Module, keep_attention: bool = False) -> Iterator[None]:
    """Inside, a network in training answers as if it had been loaded from disk in the precision of its weights, which
    are trained in float32 whatever the arithmetic; afterwards it is as before.

    That is: no dropout, no autocast, and stock attention unless `keep_attention`. Accelerate puts autocast around the
    network by an attribute `forward` of the object; without it the method of the class is called.
    Greedy decoding draws no random numbers, so the training afterwards draws the same ones as without it.
    """
    was_training, autocast_forward = model.training, vars(model).pop("forward", None)
    model.eval()
    try:
        with contextlib.nullcontext() if keep_attention else stock_attention(model):
            yield
    finally:
        model.train(was_training)
        if autocast_forward is not None:
            model.forward = autocast_forward
