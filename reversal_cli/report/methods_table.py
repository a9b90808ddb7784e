"""Rows of the methods table: accuracy beside what each training cost, a row per method."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.rows import GROUP, MISSING, cells, estimates, in_order, mean_cell
from reversal_cli.runs.records import StoredObjective

PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}


class Cost(NamedTuple):
    """A column of the frame with one value per run."""

    heading: str
    note: str
    """What it is, after its heading."""
    scaled: bool = False
    """Its heading names thousands, millions ..., whichever suit the largest value."""
    divisor: float = 1


COSTS = {
    "rows_drawn": Cost("rows", "drawn in training", scaled=True),
    "tokens": Cost("tokens", "read in training, without padding; masks, copies and blanks count", scaled=True),
    "labels": Cost("labels", "tokens with a loss", scaled=True),
    "flops": Cost("FLOPs", "additions and multiplications of all training steps, by formula", scaled=True),
    "wall_seconds": Cost(
        "minutes", "duration of the training on its machine, beside whatever else ran there", divisor=60
    ),
    "shown_reversed": Cost(
        "shown reversed",
        "rows of an epoch, as the transform leaves them, that show an entity in the direction that a reverse subtask "
        "asks for",
    ),
    "retention": Cost(
        "retention",
        "loss in nats per token on text like that of the pretraining, read from left to right with stock attention "
        "whatever the objective (by a GLM of 2022 in a blank or without, as it answers); a model that forgets has more "
        "than the untrained one; comparable within a model",
    ),
}
"""Column of the frame -> the column of the table, in its order."""


def cost_columns(runs: pd.DataFrame) -> dict[str, str]:
    """Column of the frame -> heading, of those costs that a run has: `{"tokens": "tokens (M)"}`."""
    present = [name for name in COSTS if runs[name].notna().any()]
    return {name: _heading(COSTS[name], runs[name].max()) for name in present}


def method_rows(runs: pd.DataFrame, metric: str, labels: Sequence[str], columns: Mapping[str, str]) -> list[list[str]]:
    """Labels, number of seeds, accuracy per subtask, and the costs of `columns`: a row per method."""
    runs = in_order(runs)
    accuracy = estimates(runs[runs["metric"] == metric], [*GROUP, "seed"])
    pairs = [(subtask, metric) for subtask in SUBTASKS]
    rows = []
    for group, of_group in runs.drop_duplicates([*GROUP, "seed"]).groupby(GROUP, sort=False):
        label = [str(of_group[name].iloc[0]) for name in labels]
        of_seeds = [accuracy.get((*group, seed), {}) for seed in of_group["seed"]]
        scores = cells(of_seeds[0], pairs) if len(of_seeds) == 1 else [mean_cell(of_seeds, pair) for pair in pairs]
        costs = [_cell(name, of_group[name], heading) for name, heading in columns.items()]
        rows.append([*label, str(len(of_seeds)), *scores, *costs])
    return rows


def cost_notes(runs: pd.DataFrame) -> list[str]:
    """A sentence per column, and what makes its values differ in meaning."""
    present = cost_columns(runs)
    several = ["Costs are means over seeds."] if runs.groupby(GROUP)["seed"].nunique().max() > 1 else []
    notes = [*several, *_unequal_seeds(runs), *(f"{COSTS[name].heading}: {COSTS[name].note}." for name in present)]
    uncounted = runs[runs["tokens"].notna() & runs["labels"].isna()]["experiment"].unique()
    if len(uncounted):
        notes.append(f"Tokens counted by an earlier version, without masks, copies and blanks: {', '.join(uncounted)}.")
    texts = [text for text in runs["retention_texts"].unique() if text]
    return [*notes, f"Retention is measured on {' or '.join(texts)}."] if texts else notes


def _unequal_seeds(runs: pd.DataFrame) -> list[str]:
    """Which trained methods have which seeds, unless all have the same: each seed may have a benchmark of its own, some
    of them harder than others."""
    methods: dict[tuple[int, ...], list[str]] = {}
    for group, of_method in in_order(runs).groupby(GROUP, sort=False):
        if StoredObjective(name=of_method["objective"].iloc[0]).trains:
            methods.setdefault(tuple(sorted(of_method["seed"].unique())), []).append(group[0])
    sets = (f"{', '.join(map(str, seeds))} of {', '.join(names)}" for seeds, names in methods.items())
    return [f"Means are over different seeds: {'; '.join(sets)}."] if len(methods) > 1 else []


def _heading(cost: Cost, largest: float) -> str:
    prefix = _prefix(largest) if cost.scaled else ""
    return f"{cost.heading} ({prefix})" if prefix else cost.heading


def _prefix(largest: float) -> str:
    """That of the largest unit of which there is at least one.

    >>> _prefix(902_000), _prefix(12)
    ('k', '')
    """
    return [prefix for prefix, factor in PREFIXES.items() if factor <= max(largest, 1)][-1]


def _cell(name: str, values: pd.Series, heading: str) -> str:
    """The mean over seeds, if all have the value; of retention also its deviation."""
    if values.isna().any():
        return MISSING
    mean = float(values.mean())
    if name == "retention":
        return f"{mean:.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{mean:.3f}"
    if name == "shown_reversed":
        return f"{mean:.0f}"
    prefix = heading.partition("(")[2].removesuffix(")")
    return three_digits(mean / COSTS[name].divisor / PREFIXES[prefix])


def three_digits(value: float) -> str:
    """Three significant digits, never with an exponent.

    >>> three_digits(1.4204), three_digits(258.04), three_digits(0.0123456), three_digits(0)
    ('1.42', '258', '0.0123', '0')
    """
    if value <= 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"
