"""Runs without a measurement: the note that names them, and the command that measures it."""

from collections.abc import Sequence

import pandas as pd

from reversal_cli.report.rows import GROUP
from reversal_cli.scoring import chance


def how_to_measure(metric: str, run: str = "RUN") -> str:
    """The command that adds a metric to a run; those with a level of chance need the probabilities of the model.

    >>> how_to_measure("mrr")
    '`reversal eval RUN --likelihood`'
    """
    return f"`reversal eval {run}{'' if chance(metric, 2) is None else ' --likelihood'}`"


def unmeasured_notes(runs: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Which runs have none of the values of a metric: their rows are left out. A line per set of runs."""
    metrics_of: dict[tuple[str, str], list[str]] = {}
    for metric in metrics:
        if names := _runs_without(runs, metric):
            metrics_of.setdefault((names, how_to_measure(metric)), []).append(metric)
    return [f"Not measured ({', '.join(of)}): {names}; {command}." for (names, command), of in metrics_of.items()]


def _runs_without(runs: pd.DataFrame, metric: str) -> str:
    """`ntp, bico seed 1`: with the seeds if other seeds of the group have the metric."""
    measured = _seeds(runs[runs["metric"] == metric])
    names = []
    for group, seeds in _seeds(runs).items():
        experiment = group[0]
        without = sorted(seeds - measured.get(group, set()))
        names += [f"{experiment} seed {seed}" for seed in without] if group in measured else [experiment]
    return ", ".join(dict.fromkeys(names))


def _seeds(lines: pd.DataFrame) -> dict[tuple[str, ...], set[int]]:
    """Group (values of `GROUP`) -> the seeds that have a line."""
    seeds: dict[tuple[str, ...], set[int]] = {}
    for *group, seed in lines[[*GROUP, "seed"]].drop_duplicates().itertuples(index=False, name=None):
        seeds.setdefault(tuple(group), set()).add(seed)
    return seeds
