"""A complete run, opened for comparison: who it is, what metrics.json says, and its predictions, checked against it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError, first_of
from reversal_cli.plain_text import visible
from reversal_cli.runs.directory import RESTORE_MANIFEST, RunDirectory, find_runs
from reversal_cli.runs.manifest import refuse_foreign_metrics

ROUNDING = 1e-6
"""The mean of the predictions may be this far from metrics.json."""
RUNS_SHOWN = 12
"""Of a folder that holds too many."""
FIELDS = ("id", "entity_id", "prompt", "target", "scores")
"""What a comparison reads of a record."""

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvaluatedRun:
    """What a comparison wants to know of a complete run."""

    directory: RunDirectory
    experiment: str
    seed: int
    model: str
    objective: str
    digest: str
    dataset: dict[str, str]
    """File name -> sha256."""
    conditions: dict[str, Any]
    """Settings of the evaluation and versions of the packages that may change a score."""
    definitions: dict[str, str]
    """Metric -> definition id; empty where the run is older than these."""
    rows: dict[str, int]
    """Subtask -> number of predictions."""
    means: dict[str, dict[str, float]]
    """Subtask -> metric -> mean score."""

    @property
    def folder(self) -> str:
        """Its path, as tables may show it."""
        return visible(str(self.directory.path))

    def predictions_path(self, subtask: str) -> Path:
        return self.directory.predictions_path(subtask)

    def records(self, subtask: str) -> dict[str, Record]:
        """Id -> record. Raises ReversalError where the file is not the one that metrics.json was made from."""
        if not self.predictions_path(subtask).is_file():
            raise self.inconsistent_predictions(subtask, "no such file", "the predictions behind metrics.json")
        records = self.directory.read_predictions(subtask)
        for number, record in enumerate(records, start=1):
            if lacking := [field for field in FIELDS if field not in record]:
                raise self.inconsistent_predictions(
                    subtask, f"record {number} has no {lacking[0]}", f"each with {', '.join(FIELDS)}"
                )
        by_id = {record["id"]: record for record in records}
        if len(by_id) < len(records):
            raise self.inconsistent_predictions(
                subtask, f"{len(records) - len(by_id)} repeated ids", "one prediction per prompt"
            )
        if len(records) != self.rows[subtask]:
            raise self.inconsistent_predictions(
                subtask, f"{len(records)} whole predictions", f"{self.rows[subtask]} (metrics.json)"
            )
        return by_id

    def scores(self, subtask: str, records: dict[str, Record], metric: str) -> dict[str, float] | None:
        """Id -> score; None where no record has the metric. Raises ReversalError where a score is not what it says."""
        scores = {key: record["scores"].get(metric) for key, record in records.items()}
        if all(score is None for score in scores.values()):
            return None
        for key, score in scores.items():
            if not isinstance(score, int | float) or not 0 <= score <= 1:
                raise self.inconsistent_predictions(subtask, f"{key} has {metric} {score}", "a score in [0, 1]")
        mean = math.fsum(scores.values()) / len(scores)
        stated = self.means[subtask].get(metric, mean)
        if abs(mean - stated) > ROUNDING:
            found = f"{metric} has the mean {mean:.6f}"
            raise self.inconsistent_predictions(subtask, found, f"{stated:.6f} (metrics.json)")
        return scores

    def inconsistent_predictions(self, subtask: str, found: str, expected: str) -> ReversalError:
        """The error for predictions that cannot be compared."""
        return ReversalError(
            f"{self.predictions_path(subtask)}: {found}; expected {expected}; "
            f"remove {self.directory.metrics_path} and run `reversal eval {self.directory.path}`"
        )


def open_run(folder: Path) -> EvaluatedRun:
    """The run of a folder, or the only one below it.

    Raises ReversalError where there is none or several, where it is not finished, or where its files are broken.
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
    path, remedy = run.manifest_path, RESTORE_MANIFEST
    try:
        identity = _identity(manifest)
        path, remedy = run.metrics_path, f"remove the file and run `reversal eval {run.path}`"
        refuse_foreign_metrics(run, metrics)
        return EvaluatedRun(run, **identity, **_measured(metrics))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"has an unexpected form ({error})"
        raise ReversalError(f"{path}: {what}; expected the file of a finished run; {remedy}") from None


def _identity(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["spec"]
    return {
        "experiment": visible(spec["name"]),
        "seed": spec["seed"],
        "model": visible(spec["model"]["name"]),
        "objective": visible(spec["objective"]["name"]),
        "digest": visible(manifest["digest"]),
    }


def _measured(metrics: dict[str, Any]) -> dict[str, Any]:
    subtasks = {name: metrics["subtasks"][name] for name in SUBTASKS}
    means = {name: {metric: e["mean"] for metric, e in of["metrics"].items()} for name, of in subtasks.items()}
    return {
        "dataset": dict(metrics["dataset"].items()),
        "conditions": {**metrics.get("evaluation", {}), **metrics.get("versions", {})},
        "definitions": dict(metrics.get("definitions", {}).items()),
        "rows": {name: of["n"] for name, of in subtasks.items()},
        "means": means,
    }
