"""How many predictions finished runs keep: what shows predictions must say if some are missing."""

from collections.abc import Iterable, Mapping

from reversal_cli.data.base import SUBTASKS
from reversal_cli.plain_text import visible
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Metrics


def incomplete(metrics: Metrics, kept: Mapping[str, int]) -> str:
    """`23 of 24 predictions of N2D`: the subtasks with fewer predictions than metrics.json counts; empty if none."""
    counts = {subtask: (kept[subtask], metrics.subtasks[subtask].n) for subtask in SUBTASKS}
    return ", ".join(f"{have} of {n} predictions of {subtask}" for subtask, (have, n) in counts.items() if have < n)


def lacking_notes(runs: Iterable[RunDirectory]) -> list[str]:
    """A line for each run that keeps no predictions, or not all."""
    notes = []
    for run in runs:
        kept = {subtask: len(run.read_predictions(subtask)) for subtask in SUBTASKS}
        if not any(kept.values()):
            notes.append(f"{run.path}: keeps no predictions; they can be neither drawn nor read")
        elif lacking := incomplete(run.metrics, kept):
            notes.append(f"{run.path}: keeps only {lacking}; the others can be neither drawn nor read")
    return [visible(note) for note in notes]
