"""How many predictions finished runs keep: what shows predictions must say if some are missing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.plain_text import visible
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Metrics, Prediction


class Kept(NamedTuple):
    """The predictions that a run keeps."""

    run: RunDirectory
    has_some: bool
    """Whether it keeps any."""
    lacking: str
    """`23 of 24 predictions of N2D`: the subtasks with fewer predictions than metrics.json counts; empty if none."""


def count_kept(run: RunDirectory, metrics: Metrics, predictions: Mapping[str, Sequence[Prediction]]) -> Kept:
    """What a run keeps; `predictions` are those of every subtask, `metrics` the content of its metrics.json."""
    counts = {subtask: (len(predictions[subtask]), metrics.subtasks[subtask].n) for subtask in SUBTASKS}
    lacking = ", ".join(f"{have} of {n} predictions of {subtask}" for subtask, (have, n) in counts.items() if have < n)
    return Kept(run, any(predictions.values()), lacking)


def read_kept(run: RunDirectory) -> Kept:
    """What a run keeps, from its files. Raises ReversalError if a line is not a prediction."""
    return count_kept(run, run.metrics, {subtask: run.read_predictions(subtask) for subtask in SUBTASKS})


def lacking_notes(runs: Iterable[Kept]) -> list[str]:
    """A line for each run that keeps no predictions, or not all."""
    notes = []
    for run, has_some, lacking in runs:
        if not has_some:
            notes.append(f"{run.path}: keeps no predictions; they can be neither drawn nor read")
        elif lacking:
            notes.append(f"{run.path}: keeps only {lacking}; the others can be neither drawn nor read")
    return [visible(note) for note in notes]
