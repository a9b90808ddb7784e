"""What a run cost and what it forgot, as columns of the frame."""

from reversal_cli.data.audit.leaks import SHOWN_REVERSED
from reversal_cli.report.measurements import Line
from reversal_cli.runs.records import Manifest, Metrics, Retention, StoredTransform, TrainingFacts


def run_costs(manifest: Manifest, metrics: Metrics) -> Line:
    """None for what is not recorded, and for the training of an untrained run."""
    training, retention = manifest.training or TrainingFacts(), metrics.retention
    return {
        "rows_drawn": training.rows,
        "tokens": training.tokens,
        "labels": training.labels,
        "flops": training.flops,
        "wall_seconds": training.wall_seconds,
        "shown_reversed": shown_reversed(manifest),
        "retention": retention.loss if retention else None,
        "retention_texts": _texts(retention) if retention else "",
    }


def shown_reversed(manifest: Manifest) -> int | None:
    """Rows of an epoch that show an entity in the direction in which the dataset's training must not.

    Without a transform they are those of the dataset, which the search for leaks counts. None: not counted.
    """
    training, dataset = manifest.training, manifest.dataset
    if training is not None and training.shown_reversed is not None:
        return training.shown_reversed
    as_dataset = manifest.spec.objective.trains and manifest.spec.transform.name == StoredTransform().name
    if not as_dataset or "leaks" not in dataset.model_fields_set:
        return None
    return sum(leak.count for leak in dataset.leaks if leak.kind.startswith(SHOWN_REVERSED))


def _texts(retention: Retention) -> str:
    return f"{retention.texts} texts of {retention.source} ({retention.sha256[:8]})"
