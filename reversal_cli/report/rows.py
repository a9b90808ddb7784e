"""Lines of the frame -> rows of a table: their groups, their order, and the text of their cells.

Percent and rounding happen only here.
"""

import math
import re
from collections.abc import Sequence

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


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def percent_with_interval(value: float, low: float, high: float) -> str:
    """`75.0 [62, 86]`; the interval is too wide for decimals."""
    return percent(value) if math.isnan(low) else f"{percent(value)} [{100 * low:.0f}, {100 * high:.0f}]"


def in_order(part: pd.DataFrame) -> pd.DataFrame:
    """The lines by model; within a model the untrained baseline first, then the order of the frame, seeds together."""
    return (
        part.assign(
            of_model=part.groupby("model", sort=False).ngroup(),
            trained=part["objective"].map(lambda name: StoredObjective(name=name).trains),
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
    rows = []
    for _, runs in in_order(part).groupby(GROUP, sort=False):
        label = [runs.iloc[0][column] for column in labels]
        seeds = sorted(runs["seed"].unique())
        for seed in seeds:
            of_seed = cells(runs[runs["seed"] == seed], pairs)
            rows.append([*label, str(seed), *of_seed])
        if len(seeds) > 1:
            rows.append([*label, "mean", *(_mean_cell(runs, pair, len(seeds)) for pair in pairs)])
    return [row for row in rows if {*row[-len(pairs) :]} != {MISSING}]


def cells(lines: pd.DataFrame, pairs: Sequence[Pair]) -> list[str]:
    """A cell per pair, from lines that have each pair at most once."""
    columns = (lines[column] for column in ("subtask", "metric", "value", "low", "high"))
    by_pair = {(subtask, metric): estimate for subtask, metric, *estimate in zip(*columns, strict=True)}
    return [percent_with_interval(*by_pair[pair]) if pair in by_pair else MISSING for pair in pairs]


def _mean_cell(runs: pd.DataFrame, pair: Pair, seeds: int) -> str:
    """`74.0 ± 3.1`: mean and sample standard deviation over seeds, if all seeds have the value."""
    values = runs[(runs["subtask"] == pair[0]) & (runs["metric"] == pair[1])]["value"]
    return f"{percent(values.mean())} ± {percent(values.std(ddof=1))}" if len(values) == seeds else MISSING
