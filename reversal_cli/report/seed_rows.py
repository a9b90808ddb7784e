"""Rows of the table of differences over seeds: each method against the reference, paired by seed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.gaps import p_value
from reversal_cli.report.rows import GROUP, MISSING, Pair, estimates, in_order, percent
from reversal_cli.runs.records import StoredObjective
from reversal_cli.statistics.seeds import SeedDifference, seed_difference
from reversal_cli.statistics.significance import holm

NUMERIC = ["seeds", "difference", "95 %", "p (t)", "Holm (t)", "p (flips)", "Holm (flips)", "detectable"]
NOTES = [
    "Paired by seed: the run is the independent unit, and both methods have the seed.",
    "difference: the method minus its reference in points, mean over seeds ± standard deviation.",
    "95 %: interval of the mean over seeds, from Student's t, cut off at 100 points either way.",
    "p: two-sided, of the paired t test, and of the sign-flip test (every flip of up to 16 seeds, a sample of more), "
    "which with n seeds is never below 2 / 2^n.",
    "Holm: corrected for the methods compared within a subtask.",
    "detectable: the smallest true difference in points that the t test finds with 80 % power at the two-sided 5 % "
    "level, with as many seeds and this deviation, before Holm (noncentral t).",
]

NTP = ("ntp", "ntp (causal)")
"""Variants that are plain NTP, the one to compare with first."""

Group = tuple[str, ...]


class Compared(NamedTuple):
    """A method against its reference in one subtask."""

    method: Group
    difference: SeedDifference


def references(runs: pd.DataFrame, reference: str | None = None) -> dict[str, Group]:
    """Model -> the method that its others are compared with: the experiment `reference`; otherwise plain NTP, of
    several the one with the most seeds, then of a GLM that in its blank; otherwise the first that trains."""
    found: dict[str, Group] = {}
    seeds = runs.groupby(GROUP, dropna=False)["seed"].nunique()
    groups = [group for group in _groups(runs) if StoredObjective(name=group.objective).trains]

    def rank(group: Any) -> tuple[bool, bool, int, bool]:
        is_ntp = group.variant in NTP
        return (
            group.experiment != reference,
            not is_ntp,
            -int(seeds[tuple(getattr(group, name) for name in GROUP)]) if is_ntp else 0,
            group.variant != NTP[0],
        )

    for group in sorted(groups, key=rank):
        found.setdefault(group.model, tuple(getattr(group, name) for name in GROUP))
    return found


def seed_rows(
    runs: pd.DataFrame, metric: str, labels: Sequence[str], compared_with: Mapping[str, Group]
) -> list[list[str]]:
    """Subtask, labels and `NUMERIC`, subtask by subtask; none if no method shares two seeds with its reference.

    compared_with: `references` of all runs, whatever they were measured by.
    """
    rows = []
    for subtask in SUBTASKS:
        compared = list(_compare(runs, (subtask, metric), compared_with))
        # A test that is undefined shows nothing, so it counts as one that found nothing.
        of_t = holm([1.0 if item.difference.p_t is None else item.difference.p_t for item in compared])
        of_flips = holm([item.difference.p_flips for item in compared])
        for item, t, flips in zip(compared, of_t, of_flips, strict=True):
            names = dict(zip(GROUP, item.method, strict=True))
            rows.append([subtask, *(names[name] for name in labels), *_cells(item.difference, t, flips)])
    return rows


def left_out_note(runs: pd.DataFrame, metric: str, compared_with: Mapping[str, Group]) -> list[str]:
    """A sentence that names the methods without two seeds in common with their reference, if there are any."""
    measured = runs[runs["metric"] == metric]
    seeds = {method: set(lines["seed"]) for method, lines in measured.groupby(GROUP, dropna=False)}
    names = [
        method[0]
        for method, reference in _methods(runs, compared_with)
        if len(seeds.get(method, set()) & seeds.get(reference, set())) < 2
    ]
    return [f"Left out, without two seeds in common with the reference: {', '.join(names)}."] if names else []


def _groups(runs: pd.DataFrame) -> Iterator:
    return in_order(runs)[[*GROUP, "objective"]].drop_duplicates().itertuples(index=False)


def _methods(runs: pd.DataFrame, compared_with: Mapping[str, Group]) -> Iterator[tuple[Group, Group]]:
    """Every trained method of a model but its reference, with that."""
    for group in _groups(runs):
        method, reference = tuple(getattr(group, name) for name in GROUP), compared_with.get(group.model)
        if reference is not None and method != reference and StoredObjective(name=group.objective).trains:
            yield method, reference


def _compare(runs: pd.DataFrame, pair: Pair, compared_with: Mapping[str, Group]) -> Iterator[Compared]:
    """Every method against its reference, over the seeds that both have, if there are two."""
    scores = _scores(runs, pair)
    for method, reference in _methods(runs, compared_with):
        ours, theirs = scores.get(method, {}), scores.get(reference, {})
        shared = sorted(ours.keys() & theirs.keys())
        if len(shared) > 1:
            yield Compared(method, seed_difference([ours[seed] - theirs[seed] for seed in shared]))


def _scores(runs: pd.DataFrame, pair: Pair) -> dict[Group, dict[int, float]]:
    """Method -> seed -> score."""
    scores: dict[Group, dict[int, float]] = {}
    lines = runs[(runs["subtask"] == pair[0]) & (runs["metric"] == pair[1])]
    for (*group, seed), measured in estimates(lines, [*GROUP, "seed"]).items():
        scores.setdefault(tuple(group), {})[seed] = measured[pair].value
    return scores


def _cells(difference: SeedDifference, holm_t: float, holm_flips: float) -> list[str]:
    mean = f"{_points(difference.mean)} ± {percent(difference.deviation)}"
    flips = [p_value(difference.p_flips), p_value(holm_flips)]
    if difference.p_t is None or difference.half_width is None:  # both, where all seeds differ by as much
        return [str(difference.seeds), mean, MISSING, MISSING, MISSING, *flips, MISSING]
    ends = (difference.mean - difference.half_width, difference.mean + difference.half_width)
    interval = f"[{', '.join(_points(min(max(end, -1), 1)) for end in ends)}]"
    t = [p_value(difference.p_t), p_value(holm_t)]
    detectable = percent(difference.detectable) if difference.detectable <= 1 else "> 100"
    return [str(difference.seeds), mean, interval, *t, *flips, detectable]


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"
