"""How long an evaluation will take, timed on a few of its own prompts before it starts."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from reversal_cli.data.base import Splits, Subtask
from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Complete, Measure
from reversal_cli.progress import rough_time
from reversal_cli.runs.directory import RunDirectory

SAMPLE = 64
"""Prompts completed for the estimate: a batch, since fewer take nearly as long."""
WORTH_SAYING = 60.0
"""Seconds from which an evaluation has its estimate printed."""


class Pending(NamedTuple):
    """What an evaluation still has to ask the model."""

    prompts: list[str]
    """To complete, controls included."""
    questions: dict[str, list[int]]
    """Subtask -> rows to rank."""


def pending(
    run: RunDirectory, splits: Splits, controls: Mapping[str, Mapping[str, Subtask]], likelihood: bool
) -> Pending:
    """What is not on disk yet."""
    prompts: list[str] = []
    questions = {}
    for name, subtask in splits.subtasks.items():
        stored = {prediction.id: prediction for prediction in run.read_predictions(name)}
        prompts += _missing(subtask, set(stored))
        ranked = {key for key, prediction in stored.items() if prediction.ranking is not None}
        rows = range(len(subtask.examples)) if likelihood else ()
        questions[name] = [row for row in rows if f"{name}/{row}" not in ranked]
    for subtasks in controls.values():
        for subtask in subtasks.values():
            prompts += _missing(subtask, {prediction.id for prediction in run.read_predictions(subtask.name)})
    return Pending(prompts, questions)


def estimate_line(
    work: Pending, complete: Complete, measure: Measure, clock: Callable[[], float] = time.perf_counter
) -> str:
    """One line with the minutes for prompts and for rankings; empty where all of it takes less than a minute."""
    sample = _spread(work.prompts, SAMPLE)
    rest = {name: rows for name, rows in work.questions.items() if rows}
    if len(work.prompts) <= SAMPLE and not rest:
        return ""

    def seconds(ask: Callable[..., Iterable], *arguments: object) -> float:
        start = clock()
        for _ in ask(*arguments):
            pass
        return clock() - start

    try:
        seconds(complete, sample[:1] or ["The"])  # the model loads
        generation = seconds(complete, sample) * len(work.prompts) / len(sample) if sample else 0.0
        ranking = sum(seconds(measure, name, _spread(rows, 1)) * len(rows) for name, rows in rest.items())
    except ReversalError:  # the evaluation itself says where it happened
        return ""
    if generation + ranking < WORTH_SAYING:
        return ""
    parts = [f"{len(work.prompts)} prompts, about {rough_time(generation)}"] if sample else []
    count = sum(map(len, rest.values()))
    if count:
        parts.append(f"{count} rankings, about {rough_time(ranking)} (--no-likelihood leaves them out)")
    return "; ".join(parts)


def _missing(subtask: Subtask, stored: set[str]) -> list[str]:
    return [example.prompt for row, example in enumerate(subtask.examples) if f"{subtask.name}/{row}" not in stored]


def _spread(items: Sequence, count: int) -> list:
    """At most `count` of the items, at equal distances, each from the middle of its part.

    >>> _spread(range(10), 2)
    [2, 7]
    """
    count = min(count, len(items))
    return [items[(2 * number + 1) * len(items) // (2 * count)] for number in range(count)]
