"""The difference between two runs on the same prompts, with its interval and tests."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from reversal_cli.statistics.clusters import (
    Clusters,
    Interval,
    Variance,
    t_interval,
    t_quantile,
    t_test,
    variance_of_mean,
)
from reversal_cli.statistics.estimate import Z
from reversal_cli.statistics.interval_units import Unit
from reversal_cli.statistics.significance import mcnemar_test, normal_p, permutation_test

POWER = 0.8
"""The probability with which a test finds the detectable difference."""


Method = Literal["t", "score"]
"""The kind of an interval and its test: see `paired_test`."""


class PairedTest(NamedTuple):
    """An interval, and the test that rejects "no difference" if the interval does not contain 0."""

    low: float
    high: float
    method: Method
    p: float
    """Two-sided."""
    variance: Variance | None
    """Of the difference; None with the method "score"."""


@dataclass(frozen=True, slots=True)
class Discordant:
    """Numbers of examples that only one of the runs has right, for scores that are all 0 or 1."""

    only_a: int
    only_b: int
    mcnemar_p: float
    """Exact, two-sided; it treats all examples as independent."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Run B minus run A over the same examples; scores and differences of scores, not percent."""

    n: int
    """Examples."""
    entities: int
    templates: int | None
    """None if some example has no template id."""
    mean_a: float
    mean_b: float
    difference: float
    """mean_b - mean_a."""
    low: float
    high: float
    """95 % interval over `unit`."""
    unit: Unit
    interval: Method
    p: float
    """Two-sided, of the test that matches the interval."""
    p_permutation: float
    """Two-sided permutation test over entities alone: it holds for these templates only."""
    p_is_exact: bool
    """Whether the permutation test counted every sign flip."""
    standard_error: float | None
    """Of the difference, over `unit`. None if too little varies to estimate it (interval "score")."""
    detectable: float
    """The smallest true difference that a comparison with as many entities and templates and the same variance finds 80
    times of 100, two-sided at 5 %. With the interval "score" an upper bound, which has half the interval's width in
    place of 1.96 standard errors."""
    intraclass_correlation: float | None
    """Similarity of the differences within an entity; 1: ten examples add nothing to one. None: not estimable."""
    discordant: Discordant | None
    """None if scores are not all 0 or 1."""


def paired_difference(
    a: Sequence[float], b: Sequence[float], entity_ids: Sequence[str], template_ids: Sequence[str] | None = None
) -> PairedDifference:
    """Compares scores in [0, 1], one per example, of two runs on the same examples.

    template_ids: one per example; None compares over entities alone.
    """
    scores_a, scores_b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    differences = scores_b - scores_a
    clusters = Clusters.of(entity_ids, template_ids)
    test = paired_test(differences, clusters)
    permutation = permutation_test(np.bincount(clusters.entity_of_example, weights=differences))
    return PairedDifference(
        n=len(differences),
        entities=len(set(entity_ids)),
        templates=len(set(template_ids)) if template_ids else None,
        mean_a=float(scores_a.mean()),
        mean_b=float(scores_b.mean()),
        difference=float(differences.mean()),
        low=test.low,
        high=test.high,
        unit=clusters.unit,
        interval=test.method,
        p=test.p,
        p_permutation=permutation.p,
        p_is_exact=permutation.exact,
        standard_error=math.sqrt(test.variance.value) if test.variance else None,
        detectable=detectable_difference(test.variance or _bound(test)),
        intraclass_correlation=intraclass_correlation(differences, clusters.entity_of_example),
        discordant=_discordant(scores_a, scores_b),
    )


def paired_test(differences: np.ndarray, clusters: Clusters) -> PairedTest:
    """95 % interval of the mean of `differences` float64 [examples] in [-1, 1] and its test: mean +- t standard errors.

    As for one run, an estimated variance misses what the sample does not contain. Let k be a quarter of the number of
    entities or of templates, whichever is smaller, and at least three. If fewer than k entities or fewer than k
    templates differ at all, or are not at -1 (or at 1), or if nothing varies, it is `tango_interval` with one pair per
    entity (or template, if these are fewer), as if all of its examples agreed: no difference for 30 entities and 20
    templates gives [-0.16, 0.16], not [0, 0].
    """
    mean = float(differences.mean())
    vary = clusters.vary(differences, -1, 1) and clusters.vary(np.abs(differences), 0, 2)
    variance = variance_of_mean(differences, clusters) if vary else None
    if variance is not None and variance.value > 0:
        interval = t_interval(differences, clusters)
        low, high = max(-1.0, interval.low), min(1.0, interval.high)
        return PairedTest(low, high, "t", t_test(mean, variance), variance)
    pairs = clusters.fewest
    share = pairs / len(differences)
    only_a = -float(differences[differences < 0].sum()) * share
    only_b = float(differences[differences > 0].sum()) * share
    return PairedTest(*tango_interval(only_a, only_b, pairs), "score", score_test(only_a, only_b), None)


def score_test(only_a: float, only_b: float) -> float:
    """Two-sided p of "no difference" in Tango's score test, which is McNemar's without a correction."""
    return normal_p((only_b - only_a) / math.sqrt(only_a + only_b)) if only_a != only_b else 1.0


def tango_interval(only_a: float, only_b: float, pairs: int) -> Interval:
    """Tango's score interval for the difference of two paired proportions, B - A (Tango 1998, Stat. Med. 17, 891-908).

    only_a, only_b: pairs that only this run has right; they may be fractions. Like Wilson's interval, it ends at the
    differences that a test rejects with the variance under that difference, so it has a width even if nothing varies.

    >>> tango_interval(0, 0, 30)   # +- z**2 / (pairs + z**2)
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


def detectable_difference(variance: Variance) -> float:
    """The smallest true difference found with 80 % power by a two-sided test at 5 %: about 2.8 standard errors."""
    points = t_quantile(0.975, variance.freedom) + t_quantile(POWER, variance.freedom)
    return points * math.sqrt(variance.value)


def intraclass_correlation(values: np.ndarray, entity_of_example: np.ndarray) -> float | None:
    """ICC(1), the one-way analysis-of-variance estimator (Donner 1986); values: [examples], entities counted from 0.

    It is negative if examples of one entity differ more than examples of different ones. None if nothing varies, if no
    entity has two examples, or if there is only one entity.
    """
    sums, counts = np.bincount(entity_of_example, weights=values), np.bincount(entity_of_example)
    n, entities = len(values), len(sums)
    if entities < 2 or n == entities:
        return None
    between = float(counts @ (sums / counts - values.mean()) ** 2) / (entities - 1)
    within = (float(values @ values) - float(sums**2 @ (1 / counts))) / (n - entities)
    size = (n - float(counts @ counts) / n) / (entities - 1)  # examples per entity, fewer if they are unequal
    spread = between + (size - 1) * within
    return (between - within) / spread if spread > 1e-12 else None


def _edge(inside: float, outside: float, rejected: Callable[[float], bool]) -> float:
    """The point between `inside` and `outside` at which rejection begins; `outside` if that is not rejected."""
    if not rejected(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return inside


def _bound(test: PairedTest) -> Variance:
    """The variance of a normal interval of the same width."""
    return Variance(((test.high - test.low) / (2 * Z)) ** 2, math.inf)


def _discordant(a: np.ndarray, b: np.ndarray) -> Discordant | None:
    if not np.isin(np.concatenate([a, b]), (0.0, 1.0)).all():
        return None
    only_a, only_b = int(np.count_nonzero(a > b)), int(np.count_nonzero(b > a))
    return Discordant(only_a, only_b, mcnemar_test(only_a, only_b))
