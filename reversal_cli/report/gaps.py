"""Rows of the table of log-probability gaps."""

import itertools
import math
from collections.abc import Sequence

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.rows import GROUP, MISSING, Estimate, estimates, in_order
from reversal_cli.scoring import GAP

OVER = {GAP: "entities", f"{GAP}_rows": "rows, as published"}
TESTS = ("paired_t", "paired_t_p", "ks_p")


def gap_rows(runs: pd.DataFrame, labels: Sequence[str]) -> list[list[str]]:
    """Labels, seed, subtask, unit of the tests, gap, t and both p: two rows per run and subtask."""
    lines = in_order(runs[runs["metric"].str.startswith(GAP)])
    rows = []
    for (*group, seed), measured in estimates(lines, [*GROUP, "seed"]).items():
        names = dict(zip(GROUP, group, strict=True))
        label = [*(names[column] for column in labels), str(seed)]
        for subtask, (metric, over) in itertools.product(SUBTASKS, OVER.items()):
            if (subtask, metric) in measured:
                t, p, ks_p = (measured[subtask, f"{metric}_{name}"].value for name in TESTS)
                gap = nats(measured[subtask, metric])
                rows.append([*label, subtask, over, gap, number(t), p_value(p), p_value(ks_p)])
    return rows


def nats(gap: Estimate) -> str:
    """`3.21 [2.90, 3.52]`, or the mean alone if there is no interval."""
    return number(gap.value) if math.isnan(gap.low) else f"{gap.value:.2f} [{gap.low:.2f}, {gap.high:.2f}]"


def number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.2f}"


def p_value(p: float) -> str:
    """Three digits: `0.031`, `< 0.001`."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
