"""Lines of the frame -> rows of a table: their groups, their order, and the text of their cells.

Percent and rounding happen only here.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from reversal_cli.runs.records import StoredObjective

GROUP = ["experiment", "model", "variant", "recipe"]
"""Runs that share these differ only in their seed."""
MISSING = "–"
"""The cell of a value that was not measured."""
SPREAD = re.compile(r"(?P<mean>\S+) (?P<spread>\[.*\]\*?|±.*)")
"""A cell such as `75.0 [62, 86]` or `74.0 ± 3.1`."""

Pair = tuple[str, str]
"""(subtask, metric)"""
ESTIMATE = ["subtask", "metric", "value", "low", "high"]
"""The columns of a pair and its estimate."""


class Estimate(NamedTuple):
    """A value and its interval; low and high are NaN if it has none."""

    value: float
    low: float
    high: float


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def percent_with_interval(value: float, low: float, high: float) -> str:
    """`75.0 [62, 86]`; the interval is too wide for decimals."""
    return percent(value) if math.isnan(low) else f"{percent(value)} [{100 * low:.0f}, {100 * high:.0f}]"


def in_order(part: pd.DataFrame) -> pd.DataFrame:
    """The lines by model; within a model the untrained baseline first, then the order of the frame, seeds together."""
    trained = {name: StoredObjective(name=name).trains for name in part["objective"].unique()}
    return (
        part.assign(
            of_model=part.groupby("model", sort=False).ngroup(),
            trained=part["objective"].map(trained),
            of_group=part.groupby(GROUP, sort=False).ngroup(),
        )
        .sort_values(["of_model", "trained", "of_group", "seed"], kind="stable")
        .drop(columns=["of_model", "trained", "of_group"])
    )


def label_columns(part: pd.DataFrame) -> list[str]:
    """The columns of `GROUP` that a table needs. If all rows share a model, the note names it."""
    labels = list(GROUP)
    if part["model"].nunique() == 1:
        labels.remove("model")
    if not needs_recipe(part):
        labels.remove("recipe")
    return labels


def needs_recipe(part: pd.DataFrame) -> bool:
    """Whether two groups differ only in their recipe."""
    groups = part[GROUP].drop_duplicates()
    return bool(groups.duplicated(["experiment", "model", "variant"]).any())


def heading(column: str) -> str:
    return "objective" if column == "variant" else column


def group_rows(part: pd.DataFrame, pairs: Sequence[Pair], labels: Sequence[str]) -> list[list[str]]:
    """Labels, seed and a cell per pair: a row per seed and, for several seeds, one with their mean.

    Without rows in which nothing was measured.
    """
    columns = [*GROUP, "objective", "seed", *ESTIMATE]
    of_runs = estimates(in_order(part[columns]), [*GROUP, "seed"])
    rows = []
    for group, keys in itertools.groupby(of_runs, key=lambda key: key[:-1]):
        names = dict(zip(GROUP, group, strict=True))
        label = [names[column] for column in labels]
        of_seeds = {seed: of_runs[*group, seed] for *_, seed in keys}
        rows += [[*label, str(seed), *cells(of_seed, pairs)] for seed, of_seed in of_seeds.items()]
        if len(of_seeds) > 1:
            rows.append([*label, "mean", *(mean_cell(list(of_seeds.values()), pair) for pair in pairs)])
    return [row for row in rows if {*row[-len(pairs) :]} != {MISSING}]


def estimates(lines: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[Any, ...], dict[Pair, Estimate]]:
    """Values of the columns `keys` -> what their lines measured, in the order of the lines.

    In one pass: a selection from the frame per run would take seconds for hundreds of runs.
    """
    found: dict[tuple[Any, ...], dict[Pair, Estimate]] = {}
    columns = (lines[name].tolist() for name in [*keys, *ESTIMATE])
    for *key, subtask, metric, value, low, high in zip(*columns, strict=True):
        found.setdefault(tuple(key), {})[subtask, metric] = Estimate(value, low, high)
    return found


def cells(measured: Mapping[Pair, Estimate], pairs: Sequence[Pair]) -> list[str]:
    """A cell per pair."""
    return [percent_with_interval(*measured[pair]) if pair in measured else MISSING for pair in pairs]


def mean_cell(of_seeds: Sequence[Mapping[Pair, Estimate]], pair: Pair) -> str:
    """`74.0 ± 3.1`: mean and sample standard deviation over seeds, if all seeds have the value."""
    if not all(pair in measured for measured in of_seeds):
        return MISSING
    values = pd.Series([measured[pair].value for measured in of_seeds])
    return f"{percent(values.mean())} ± {percent(values.std(ddof=1))}"
