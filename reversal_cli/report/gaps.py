"""Rows of the table of log-probability gaps."""

import math
from collections.abc import Sequence

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.rows import GROUP, MISSING, in_order
from reversal_cli.scoring import GAP

OVER = {GAP: "entities", f"{GAP}_rows": "rows, as published"}


def gap_rows(runs: pd.DataFrame, labels: Sequence[str]) -> list[list[str]]:
    """Labels, seed, subtask, unit of the tests, gap, t and both p: two rows per run and subtask."""
    gaps = runs[runs["metric"].str.startswith(GAP)]
    rows = []
    for _, of_run in in_order(gaps).groupby([*GROUP, "seed"], sort=False):
        label = [*(of_run.iloc[0][column] for column in labels), str(of_run.iloc[0]["seed"])]
        for subtask in SUBTASKS:
            by_metric = {line.metric: line for line in of_run[of_run["subtask"] == subtask].itertuples()}
            for metric, over in OVER.items():
                if metric in by_metric:
                    values = [by_metric[f"{metric}_{name}"].value for name in ("paired_t", "paired_t_p", "ks_p")]
                    mean = nats(by_metric[metric])
                    rows.append([*label, subtask, over, mean, number(values[0]), *map(p_value, values[1:])])
    return rows


def nats(line: pd.Series) -> str:
    """`3.21 [2.90, 3.52]`, or the mean alone if there is no interval."""
    return number(line.value) if math.isnan(line.low) else f"{line.value:.2f} [{line.low:.2f}, {line.high:.2f}]"


def number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.2f}"


def p_value(p: float) -> str:
    """Three digits: `0.031`, `< 0.001`."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
