"""What to do about predictions that cannot be read, and about a metrics.json, which may be the only result left."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reversal_cli.runs.directory import RunDirectory


def can_predict(run: "RunDirectory") -> bool:
    """Whether the run has what predicting again takes: its weights, unless it is an untrained baseline."""
    if run.model_path.is_dir() or run.adapter_path.is_dir():
        return True
    return run.manifest_path.is_file() and not run.manifest.spec.objective.trains


def can_score(run: "RunDirectory") -> bool:
    """Whether the run has what scoring takes: predictions, or what predicting them takes."""
    return run.all_predictions_path.is_dir() or can_predict(run)


def evaluate_again(run: "RunDirectory") -> str:
    """How to replace metrics.json; never to remove it if it cannot be computed again."""
    if can_predict(run):
        return f"remove {run.metrics_path} and run `reversal eval {run.path}`"
    return "restore the file: the run has no weights to evaluate again; or train it again with --overwrite"


def predict_again(run: "RunDirectory") -> str:
    """How to replace a file of predictions after its removal."""
    return f"predict again with `reversal eval {run.path}`"
