"""Whether a complete run is scored again."""

from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Metrics
from reversal_cli.runs.remedies import can_score
from reversal_cli.scoring import definitions


def why_metrics_stay(run: RunDirectory, metrics: Metrics) -> str | None:
    """Why the metrics of a complete run stay as they are; None if they were computed by other definitions than today's.

    Published runs come without weights, and mostly without all predictions, those of the controls included: they cannot
    be scored again, and their metrics name their definitions.
    """
    if metrics.definitions == definitions():
        return "already evaluated (--overwrite predicts again)"
    if not can_score(run, metrics):
        return "already evaluated, by other definitions; it has no weights, and not all predictions to score again"
    return None
