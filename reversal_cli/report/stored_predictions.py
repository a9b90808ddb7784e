"""How many predictions finished runs keep: what shows predictions must say if some are missing."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.files.shapes import iterate_shapes
from reversal_cli.plain_text import visible
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Metrics, Prediction
from reversal_cli.runs.remedies import predict_again


class Kept(NamedTuple):
    """The predictions that a run keeps."""

    run: RunDirectory
    has_some: bool
    """Whether it keeps any."""
    lacking: str
    """`23 of 24 predictions of N2D`: the subtasks with fewer predictions than metrics.json counts; empty if none."""


def iterate_predictions(run: RunDirectory, subtask: str) -> Iterator[Prediction]:
    """The predictions of a subtask, one at a time. Raises ReversalError if a line is not a prediction."""
    return iterate_shapes(run.predictions_path(subtask), Prediction, predict_again(run))


def count_kept(run: RunDirectory, metrics: Metrics, numbers: Mapping[str, int]) -> Kept:
    """What a run keeps; `numbers`: subtask -> number of its predictions; `metrics`: the content of its metrics.json."""
    counts = {subtask: (numbers[subtask], metrics.subtasks[subtask].n) for subtask in SUBTASKS}
    lacking = ", ".join(f"{have} of {n} predictions of {subtask}" for subtask, (have, n) in counts.items() if have < n)
    return Kept(run, any(numbers.values()), lacking)


def read_kept(run: RunDirectory) -> Kept:
    """What a run keeps, from its files. Raises as `iterate_predictions` does."""
    numbers = {subtask: sum(1 for _ in iterate_predictions(run, subtask)) for subtask in SUBTASKS}
    return count_kept(run, run.metrics, numbers)


def lacking_notes(runs: Iterable[Kept]) -> list[str]:
    """A line for the runs that keep no predictions, and one for each that keeps not all."""
    kept = list(runs)
    without = [run for run, has_some, _ in kept if not has_some]
    notes = []
    if without:
        others = f" and {len(without) - 1} more" if len(without) > 1 else ""
        keep = "keep" if others else "keeps"
        notes.append(f"{without[0].path}{others}: {keep} no predictions; they can be neither drawn nor read")
    for run, has_some, lacking in kept:
        if has_some and lacking:
            notes.append(f"{run.path}: keeps only {lacking}; the others can be neither drawn nor read")
    return [visible(note) for note in notes]
