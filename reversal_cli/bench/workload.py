"""How much a run has to train and to evaluate, counted without loading a model."""

from collections.abc import Sequence
from typing import NamedTuple

from reversal_cli.data.base import Example, Splits
from reversal_cli.evaluation.evaluate import count_prompts
from reversal_cli.evaluation.predictions import GENERATION, RANKING
from reversal_cli.spec.experiment import EvaluationSpec, TrainingSpec

CHARACTERS_PER_TOKEN = 4
"""Of English, roughly: how many rows a token budget is worth before there is a tokenizer."""


class Training(NamedTuple):
    """What a training does."""

    rows: int
    """Over all epochs."""
    characters_per_row: float
    prompts: int
    """Validation prompts that are completed along the training."""


class Evaluation(NamedTuple):
    """What an evaluation asks."""

    prompts: int
    """To complete, controls included."""
    rankings: int
    candidates: int
    """Answers that are ranked, over all rankings."""


class Workload(NamedTuple):
    """What a run does."""

    training: Training
    evaluation: Evaluation


def training_of(training: TrainingSpec, splits: Splits) -> Training:
    """The work of a training on these rows."""
    characters = mean_characters(splits.train)
    rows = training.last_epoch * len(splits.train)
    if training.token_budget is not None:
        rows = round(training.token_budget * CHARACTERS_PER_TOKEN / characters)
    epochs = -(-rows // len(splits.train))
    evaluations = 0 if training.eval_every is None else -(-epochs // training.eval_every)
    prompts = sum(min(training.eval_limit, len(subtask.examples)) for subtask in splits.validation.values())
    return Training(rows, characters, evaluations * prompts)


def evaluation_of(settings: EvaluationSpec, splits: Splits) -> Evaluation:
    """The work of a whole evaluation."""
    counts = count_prompts(splits, settings, None, None)
    candidates = sum(len(subtask.examples) * _entities(splits, subtask.target) for subtask in splits.subtasks.values())
    return Evaluation(counts[GENERATION], counts[RANKING], candidates * settings.likelihood)


def mean_characters(rows: Sequence[Example]) -> float:
    """Mean length of the rows: it grows with their tokens, and needs no tokenizer."""
    return sum(len(row.text) for row in rows) / len(rows)


def _entities(splits: Splits, target: str) -> int:
    """Entities whose answers are the candidates of a subtask that asks for `target`."""
    subtasks = [subtask for subtask in splits.subtasks.values() if subtask.target == target]
    return len({example.entity_id for subtask in subtasks for example in subtask.examples})
