"""Accuracy during training: one metric from curve.jsonl."""

from collections.abc import Mapping
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import CurveRecord


class Point(NamedTuple):
    """One evaluation during training."""

    epoch: float
    """How many epochs were trained: the last may be a part of one."""
    mean: float
    """In percent, as are low and high."""
    low: float
    high: float
    unit: str
    """What low and high are over; records of earlier versions lack it, and theirs are over entities."""
    step: int


def curve_points(run: RunDirectory, metric: str) -> dict[str, list[Point]]:
    """Subtask -> points by epoch; empty if training was not evaluated with the metric."""
    curve, training = run.read_curve(), run.manifest.training
    ends = {training.steps: training.epochs} if training and training.steps and training.epochs else {}
    points = {subtask: _points(curve, ends, subtask, metric) for subtask in SUBTASKS}
    return points if any(points.values()) else {}


def _points(curve: list[CurveRecord], ends: Mapping[int, float], subtask: str, metric: str) -> list[Point]:
    """The points of one subtask; of two records of an epoch the later one counts. ends: last step -> epochs."""
    by_epoch = {record.epoch: record for record in curve}
    points = []
    for epoch, record in sorted(by_epoch.items()):
        scores = record.subtasks.get(subtask)
        if scores and metric in scores.metrics:
            score = scores.metrics[metric]
            unit = scores.intervals or "entities"
            epochs = ends.get(record.step, epoch)
            points.append(Point(epochs, 100 * score.mean, 100 * score.low, 100 * score.high, unit, record.step))
    return points
