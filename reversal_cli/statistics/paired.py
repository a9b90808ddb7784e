"""The difference between two runs on the same prompts, and how sure we can be of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from reversal_cli.scoring.estimate import MIN_VARIED_ENTITIES, Interval, Z, bootstrap_interval, sum_by_entity
from reversal_cli.statistics.significance import mcnemar_test, permutation_test

Z_POWER = 0.8416212335729143
"""80 % point of the normal distribution."""


Method = Literal["bootstrap", "score"]
"""How an interval was made: see `paired_interval`."""


class PairedInterval(NamedTuple):
    low: float
    high: float
    method: Method


@dataclass(frozen=True, slots=True)
class Discordant:
    """Rows that only one of the runs has right; for scores that are all 0 or 1."""

    only_a: int
    only_b: int
    mcnemar_p: float
    """Exact, two-sided; it ignores that the rows of an entity belong together."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Run B minus run A over the same rows; scores and differences of scores, not percent."""

    n: int
    """Rows."""
    entities: int
    mean_a: float
    mean_b: float
    difference: float
    """mean_b - mean_a."""
    low: float
    high: float
    """95 % interval over entities."""
    interval: Method
    p: float
    """Two-sided permutation test over entities."""
    p_is_exact: bool
    standard_error: float | None
    """Of the difference, clustered by entity. None where too few entities vary to estimate it (interval "score")."""
    detectable: float
    """The smallest true difference that a paired comparison of so many entities with this spread finds 80 times of 100,
    two-sided at 5 %. With the interval "score" a bound: half the interval's width in place of 1.96 standard errors."""
    intraclass_correlation: float | None
    """How alike the differences of one entity's rows are; 1: ten rows say no more than one. None: not estimable."""
    discordant: Discordant | None
    """None where scores are not all 0 or 1."""


def paired_difference(a: Sequence[float], b: Sequence[float], entity_ids: Sequence[str]) -> PairedDifference:
    """Compares scores in [0, 1], one per row, of two runs on the same rows."""
    scores_a, scores_b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    differences = scores_b - scores_a
    sums, counts = sum_by_entity(list(differences), entity_ids)
    interval = paired_interval(sums, counts)
    error = clustered_standard_error(sums, counts) if interval.method == "bootstrap" else None
    test = permutation_test(sums)
    return PairedDifference(
        n=len(differences),
        entities=len(sums),
        mean_a=float(scores_a.mean()),
        mean_b=float(scores_b.mean()),
        difference=float(differences.mean()),
        low=interval.low,
        high=interval.high,
        interval=interval.method,
        p=test.p,
        p_is_exact=test.exact,
        standard_error=error,
        detectable=detectable_difference(error if error is not None else (interval.high - interval.low) / (2 * Z)),
        intraclass_correlation=intraclass_correlation(differences, entity_ids),
        discordant=_discordant(scores_a, scores_b),
    )


def paired_interval(sums: np.ndarray, counts: np.ndarray) -> PairedInterval:
    """95 % interval of the mean difference.

    sums, counts: [entities], of differences and of rows. Entities are drawn with both runs' rows together. As for one
    run, the bootstrap cannot see what the sample does not contain: where fewer than five entities differ at all, or
    fewer than five do not differ by all of their rows, or all differ equally, the interval is `score_interval` with one
    pair per entity, as if all of its rows agreed: no difference at all in 30 entities gives [-0.11, 0.11], not [0, 0].
    """
    means = sums / counts
    varied = min(np.count_nonzero(means != 0), np.count_nonzero(means < 1), np.count_nonzero(means > -1))
    if varied >= MIN_VARIED_ENTITIES and np.ptp(means) > 0:
        return PairedInterval(*bootstrap_interval(sums, counts), "bootstrap")
    # An entity counts as often as it has rows, so that the interval is about the mean over rows.
    pairs = sums / counts.mean()
    only_a, only_b = -float(pairs[pairs < 0].sum()), float(pairs[pairs > 0].sum())
    return PairedInterval(*score_interval(only_a, only_b, len(pairs)), "score")


def score_interval(only_a: float, only_b: float, pairs: int) -> Interval:
    """Tango's score interval for the difference of two paired proportions, B - A (Tango 1998, Stat. Med. 17, 891-908).

    only_a, only_b: pairs right in that run only; they may be fractions. Like Wilson's interval, whose paired twin it
    is, it ends where the test with the variance under that very difference rejects, so it has width without variance.

    >>> score_interval(0, 0, 30)   # +- z**2 / (pairs + z**2)
    Interval(low=-0.11351339317396876, high=0.11351339317396876)
    """
    observed = (only_b - only_a) / pairs

    def rejected(difference: float) -> bool:
        # Most likely share of pairs right in A only, given the difference (Tango 1998, equation 6).
        linear = -only_a - only_b + (2 * pairs + only_a - only_b) * difference
        root = math.sqrt(max(0.0, linear**2 + 8 * pairs * only_a * difference * (1 - difference)))
        share = (root - linear) / (4 * pairs)
        variance = pairs * (2 * share + difference * (1 - difference))
        return (pairs * (observed - difference)) ** 2 > Z**2 * variance

    return Interval(*(_edge(observed, outside, rejected) for outside in (-1.0, 1.0)))


def clustered_standard_error(sums: np.ndarray, counts: np.ndarray) -> float:
    """Of a mean over rows whose entities are independent and whose rows within one are not.

    Miller 2024, equation 4, with the correction entities / (entities - 1). With equally many rows per entity it is the
    standard deviation of the entities' means over sqrt(entities).
    """
    entities = len(sums)
    residuals = sums - counts * (sums.sum() / counts.sum())
    return math.sqrt(entities / (entities - 1) * float(residuals @ residuals)) / float(counts.sum())


def detectable_difference(standard_error: float) -> float:
    """The smallest true difference found with 80 % power by a two-sided test at 5 %: (1.96 + 0.84) standard errors."""
    return (Z + Z_POWER) * standard_error


def intraclass_correlation(values: np.ndarray, entity_ids: Sequence[str]) -> float | None:
    """ICC(1), the one-way analysis-of-variance estimator (Donner 1986); values: [rows].

    It can be negative: rows of one entity that differ more than rows of different ones. None where nothing varies, or
    where there is no entity with two rows, or only one entity.
    """
    sums, counts = sum_by_entity(list(values), entity_ids)
    rows, entities = len(values), len(sums)
    if entities < 2 or rows == entities:
        return None
    between = float(counts @ (sums / counts - values.mean()) ** 2) / (entities - 1)
    within = (float(values @ values) - float(sums**2 @ (1 / counts))) / (rows - entities)
    size = (rows - float(counts @ counts) / rows) / (entities - 1)  # rows per entity, less where they are unequal
    spread = between + (size - 1) * within
    return (between - within) / spread if spread > 1e-12 else None


def _edge(inside: float, outside: float, rejected: Callable[[float], bool]) -> float:
    """Where, between two points, rejection begins; `outside` where it does not."""
    if not rejected(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return inside


def _discordant(a: np.ndarray, b: np.ndarray) -> Discordant | None:
    if not np.isin(np.concatenate([a, b]), (0.0, 1.0)).all():
        return None
    only_a, only_b = int(np.count_nonzero(a > b)), int(np.count_nonzero(b > a))
    return Discordant(only_a, only_b, mcnemar_test(only_a, only_b))
