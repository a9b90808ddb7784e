"""Accuracy during training: one metric from curve.jsonl."""

from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import CurveRecord


class Point(NamedTuple):
    """One evaluation during training."""

    epoch: int
    mean: float
    """In percent, as are low and high."""
    low: float
    high: float
    unit: str
    """What low and high are over; records of earlier versions lack it, and theirs are over entities."""
    step: int


def curve_points(run: RunDirectory, metric: str) -> dict[str, list[Point]]:
    """Subtask -> points by epoch; empty if training was not evaluated with the metric."""
    curve = run.read_curve()
    points = {subtask: _points(curve, subtask, metric) for subtask in SUBTASKS}
    return points if any(points.values()) else {}


def _points(curve: list[CurveRecord], subtask: str, metric: str) -> list[Point]:
    """The points of one subtask; of two records of an epoch the later one counts."""
    by_epoch = {record.epoch: record for record in curve}
    points = []
    for epoch, record in sorted(by_epoch.items()):
        scores = record.subtasks.get(subtask)
        if scores and metric in scores.metrics:
            score = scores.metrics[metric]
            unit = scores.intervals or "entities"
            points.append(Point(epoch, 100 * score.mean, 100 * score.low, 100 * score.high, unit, record.step))
    return points
