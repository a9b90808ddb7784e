"""What to do about predictions that cannot be read, and about a metrics.json, which may be the only result left."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reversal_cli.runs.directory import RunDirectory
    from reversal_cli.runs.records import Metrics


def can_predict(run: "RunDirectory") -> bool:
    """Whether the run has what predicting again takes: its weights, unless it is an untrained baseline."""
    if run.model_path.is_dir() or run.adapter_path.is_dir():
        return True
    return run.manifest_path.is_file() and not run.manifest.spec.objective.trains


def can_score(run: "RunDirectory", metrics: "Metrics") -> bool:
    """Whether the run has what scoring again takes: all predictions behind its metrics, or what predicting takes."""
    controls = [f"{control}/{name}" for control, subtasks in metrics.controls.items() for name in subtasks]
    return can_predict(run) or all(run.predictions_path(name).is_file() for name in [*metrics.subtasks, *controls])


def evaluate_again(run: "RunDirectory") -> str:
    """How to replace metrics.json; never to remove it if it cannot be computed again."""
    if can_predict(run):
        return f"remove {run.metrics_path} and run `reversal eval {run.path}`"
    return "restore the file: the run has no weights to evaluate again; or train it again with --overwrite"


def predict_again(run: "RunDirectory") -> str:
    """What to do about a broken file of predictions; never to remove it if they cannot be made again."""
    if can_predict(run):
        return f"remove the file and predict again with `reversal eval {run.path}`"
    return "restore the file: the run has no weights to predict again"
