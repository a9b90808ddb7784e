"""Accuracy along training as numbers: what curve.jsonl says of one metric."""

from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError
from reversal_cli.runs.directory import RunDirectory


class Point(NamedTuple):
    """One evaluation along a training."""

    epoch: int
    mean: float
    """In percent, as are low and high."""
    low: float
    high: float
    unit: str
    """What low and high are over; records of an earlier version do not say it, and theirs are over entities."""


def curve_points(run: RunDirectory, metric: str) -> dict[str, list[Point]]:
    """Subtask -> points by epoch; empty where training was not evaluated with the metric.

    Raises ReversalError where the curve lacks what every record has.
    """
    curve = run.read_curve()
    points = {subtask: _points(run, curve, subtask, metric) for subtask in SUBTASKS}
    return points if any(points.values()) else {}


def _points(run: RunDirectory, curve: list[dict], subtask: str, metric: str) -> list[Point]:
    """As far as the subtask was evaluated; of two records of an epoch the later one counts."""
    try:
        measured = {record["epoch"]: record["subtasks"].get(subtask, {}) for record in curve}
        return [
            Point(
                epoch,
                *(100 * float(part["metrics"][metric][key]) for key in ("mean", "low", "high")),
                part.get("intervals", "entities"),
            )
            for epoch, part in sorted(measured.items())
            if metric in part.get("metrics", {})
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ReversalError(
            f"{run.curve_path}: has an unexpected form ({error!r}); expected epoch and subtasks with mean, low and "
            "high in each record; remove the file and plot without it"
        ) from None
