"""A complete run, opened for comparison; its predictions are checked against metrics.json."""

import math
from dataclasses import dataclass
from pathlib import Path

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError, first_of
from reversal_cli.files.reading import JsonObject
from reversal_cli.plain_text import visible
from reversal_cli.report.methods import variant
from reversal_cli.report.unmeasured import how_to_measure
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.find import find_runs
from reversal_cli.runs.inverse_scores import with_inversion
from reversal_cli.runs.manifest import refuse_foreign_metrics
from reversal_cli.runs.records import Prediction
from reversal_cli.runs.remedies import can_predict, evaluate_again

ROUNDING = 1e-6
"""Largest difference between the mean of the predictions and metrics.json."""
RUNS_SHOWN = 12
"""In the error for a folder with several runs."""


@dataclass(frozen=True, slots=True)
class EvaluatedRun:
    """The parts of a complete run that a comparison needs."""

    directory: RunDirectory
    experiment: str
    seed: int
    model: str
    objective: str
    digest: str
    dataset: dict[str, str]
    """File name -> sha256."""
    conditions: JsonObject
    """Settings of the evaluation, and versions of the packages that may change a score."""
    definitions: dict[str, str]
    """Metric -> definition id; empty for runs of earlier versions."""
    rows: dict[str, int]
    """Subtask -> number of predictions."""
    means: dict[str, dict[str, float]]
    """Subtask -> metric -> mean score."""

    @property
    def folder(self) -> str:
        """Its path, safe to show."""
        return visible(str(self.directory.path))

    def predictions_path(self, subtask: str) -> Path:
        return self.directory.predictions_path(subtask)

    def predictions(self, subtask: str) -> dict[str, Prediction]:
        """Id -> prediction. Raises ReversalError if the file does not match metrics.json."""
        if not self.directory.all_predictions_path.is_dir():
            raise self._no_predictions()
        if not self.predictions_path(subtask).is_file():
            raise self.inconsistent_predictions(subtask, "no such file", "the predictions behind metrics.json")
        predictions = self.directory.read_predictions(subtask)
        by_id = {prediction.id: prediction for prediction in with_inversion(predictions)}
        repeated = len(predictions) - len(by_id)
        if repeated:
            raise self.inconsistent_predictions(subtask, f"{repeated} repeated ids", "one prediction per prompt")
        if len(predictions) != self.rows[subtask]:
            raise self.inconsistent_predictions(
                subtask, f"{len(predictions)} whole predictions", f"{self.rows[subtask]} (metrics.json)"
            )
        return by_id

    def scores(self, subtask: str, predictions: dict[str, Prediction], metric: str) -> dict[str, float] | None:
        """Id -> score; None if no prediction has the metric. Raises ReversalError for a missing or impossible score."""
        scores: dict[str, float] = {}
        if all(prediction.scores.get(metric) is None for prediction in predictions.values()):
            return None
        for key, prediction in predictions.items():
            score = prediction.scores.get(metric)
            if score is None or not 0 <= score <= 1:
                raise self.inconsistent_predictions(subtask, f"{key} has {metric} {score}", "a score in [0, 1]")
            scores[key] = score
        mean = math.fsum(scores.values()) / len(scores)
        expected = self.means[subtask].get(metric, mean)
        if abs(mean - expected) > ROUNDING:
            problem = f"{metric} has the mean {mean:.6f}"
            raise self.inconsistent_predictions(subtask, problem, f"{expected:.6f} (metrics.json)")
        return scores

    def lacks_metric(self, subtask: str, metric: str) -> ReversalError:
        """The error for a metric that only the other run has."""
        if metric in self.means[subtask]:
            return self.inconsistent_predictions(
                subtask, f"has no {metric}", f"it, as {self.directory.metrics_path} has"
            )
        path = self.directory.path
        return ReversalError(f"{path}: {metric} not measured in this run; {how_to_measure(metric, str(path))}")

    def inconsistent_predictions(self, subtask: str, problem: str, expected: str) -> ReversalError:
        """The error for predictions that cannot be compared."""
        return ReversalError(
            f"{self.predictions_path(subtask)}: {problem}; expected {expected}; {evaluate_again(self.directory)}"
        )

    def _no_predictions(self) -> ReversalError:
        path = self.directory.path
        predict = f"run `reversal eval {path} --overwrite`" if can_predict(self.directory) else "compare another run"
        return ReversalError(f"{path}: this run keeps no predictions; `compare` needs them; {predict}")


def open_run(folder: Path) -> EvaluatedRun:
    """The run of a folder, or the only one below it.

    Raises ReversalError if there is none or several, if it is not finished, or if its files are broken.
    """
    is_run = (folder / "manifest.json").is_file()
    runs = [RunDirectory(folder)] if is_run else find_runs([folder])
    if not runs:
        raise ReversalError(f"{folder}: holds no run; expected a folder with a manifest.json; check the path")
    if len(runs) > 1:
        names = first_of([str(run.path) for run in runs], RUNS_SHOWN)
        raise ReversalError(f"{folder}: holds {len(runs)} runs; expected one; choose from {names}")
    run = runs[0]
    if not run.is_complete:
        raise ReversalError(
            f"{run.path}: not finished (no metrics.json); expected an evaluated run; "
            f"run `reversal eval {run.path}` first"
        )
    manifest, metrics = run.manifest, run.metrics
    refuse_foreign_metrics(run, metrics)
    scores = {name: metrics.subtasks[name] for name in SUBTASKS}
    return EvaluatedRun(
        run,
        experiment=visible(manifest.spec.name),
        seed=manifest.spec.seed,
        model=visible(manifest.spec.model.name),
        objective=visible(variant(manifest.spec)),
        digest=visible(manifest.digest),
        dataset=metrics.dataset,
        conditions={**metrics.evaluation, **metrics.versions},
        definitions=metrics.definitions,
        rows={name: of.n for name, of in scores.items()},
        means={name: {metric: score.mean for metric, score in of.metrics.items()} for name, of in scores.items()},
    )
