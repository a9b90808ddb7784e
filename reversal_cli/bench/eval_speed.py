"""The speed of an evaluation: completions of prompts, and rankings of all candidate answers."""

from collections.abc import Iterable
from dataclasses import dataclass

from reversal_cli.bench.measure import Spread, seconds_of
from reversal_cli.data.base import Splits
from reversal_cli.evaluation.predictions import select_examples
from reversal_cli.evaluation.ranking import measure_examples
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.base import Loaded
from reversal_cli.spec.experiment import ExperimentSpec

PASSES = 3
"""How often all is asked, after once to warm up."""
PROMPTS = 16
"""Completed prompts per subtask: one batch of 64."""
QUESTIONS = 4
"""Ranked prompts per subtask."""


@dataclass(frozen=True, slots=True)
class EvalSpeed:
    """What was measured of the evaluation of one checkpoint, with the prompts of an objective."""

    prompts: int
    prompts_per_second: Spread
    candidates: int
    candidates_per_second: Spread
    """With the multiple choice, as in an evaluation."""


def measure_evaluation(loaded: Loaded, spec: ExperimentSpec, splits: Splits) -> EvalSpeed:
    """Asks the checkpoint as it is; one that was trained may end its answers earlier."""
    prompts = sample_prompts(splits, PROMPTS)
    complete(loaded, spec, prompts)
    candidates = rank_candidates(loaded, spec, splits)
    device = loaded.model.device
    completing = [seconds_of(lambda: complete(loaded, spec, prompts), device) for _ in range(PASSES)]
    ranking = [seconds_of(lambda: rank_candidates(loaded, spec, splits), device) for _ in range(PASSES)]
    return EvalSpeed(
        prompts=len(prompts),
        prompts_per_second=Spread.of(len(prompts) / seconds for seconds in completing),
        candidates=candidates,
        candidates_per_second=Spread.of(candidates / seconds for seconds in ranking),
    )


def sample_prompts(splits: Splits, count: int) -> list[str]:
    """Prompts of each subtask, spread over entities and templates."""
    subtasks = [subtask.examples for subtask in splits.subtasks.values()]
    return [examples[row].prompt for examples in subtasks for row in select_examples(examples, count)]


def complete(loaded: Loaded, spec: ExperimentSpec, prompts: list[str]) -> None:
    """Completes the prompts as `reversal eval` does."""
    settings = spec.evaluation
    exhaust(complete_prompts(loaded, spec.objective, prompts, settings.max_new_tokens, settings.batch_size))


def rank_candidates(loaded: Loaded, spec: ExperimentSpec, splits: Splits) -> int:
    """Ranks the answers to a sample of each subtask as `reversal eval` does; returns how many there were."""
    settings, total = spec.evaluation, 0
    for name, subtask in splits.subtasks.items():
        rows = select_examples(subtask.examples, QUESTIONS)
        batches = measure_examples(loaded, spec.objective, splits, name, rows, settings.seed, settings.batch_size)
        total += sum(measured.ranking.candidates for batch in batches for measured in batch)
    return total


def exhaust(batches: Iterable[object]) -> None:
    for _ in batches:
        pass
