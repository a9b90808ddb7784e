"""What tables and figures call a metric."""

from reversal_cli.scoring import METRICS

ACCURACY = "Accuracy"
"""What the mean of a metric is called if it is the share of prompts that were answered right."""


def metric_title(metric: str) -> str:
    """What a table or figure of the metric is called.

    >>> metric_title("contains"), metric_title("bleu"), metric_title("shortcut")
    ('Accuracy (contains)', 'Mean bleu', 'Mean shortcut (lower is better)')
    """
    if METRICS[metric].is_accuracy:
        return f"{ACCURACY} ({metric})"
    return f"Mean {metric}" + (" (lower is better)" if METRICS[metric].better == "lower" else "")


def metric_axis(metric: str) -> str:
    """What stands beside an axis in percent: `accuracy, %` or `shortcut, %`."""
    return f"{ACCURACY.lower() if METRICS[metric].is_accuracy else metric}, %"
