"""The log-probability gap between the right answer and another entity's: the test of Berglund et al.

They compare the log-probabilities of right and of random names (arXiv 2309.12288) by a t-test and a Kolmogorov-Smirnov
test over prompts. The prompts of an entity are not independent, so our tests are over the means of entities; the tests
over prompts are reported too, as in the paper. The interval is over entities and templates, like that of a score.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from reversal_cli.scoring.results import Gap, GapOverRows, SignificanceTest
from reversal_cli.statistics.clusters import Clusters, t_interval

ROUNDING = 1e-9
"""Nats; gaps that differ by less are equal."""


class Pair(NamedTuple):
    """The log-probabilities of one example."""

    entity_id: str
    log_probability: float
    """Of the right answer."""
    other_log_probability: float
    """Of the other entity's."""
    template_id: str = ""
    """Empty: the interval is over entities alone."""


class GapTests(NamedTuple):
    """Two-sided tests of the gap."""

    paired_t: SignificanceTest
    """Do the means differ?"""
    ks: SignificanceTest
    """Two samples, Kolmogorov-Smirnov: do the distributions differ?"""


def log_probability_gap(pairs: Sequence[Pair]) -> Gap:
    """The mean gap over examples in nats, its 95 % t interval, and tests.

    Undefined numbers are None: interval and tests of a single entity, the t-test of gaps that are all equal.
    Raises ValueError without pairs.
    """
    entity_ids, right, other, template_ids = zip(*pairs, strict=True)
    clusters = Clusters.of(entity_ids, template_ids if all(template_ids) else None)
    gaps = np.subtract(right, other)
    right_means, other_means = clusters.entity_means(right), clusters.entity_means(other)
    interval = t_interval(gaps, clusters) if len(right_means) > 1 else None
    mean = float(gaps.mean())
    return Gap(
        entities=len(right_means),
        intervals=clusters.unit,
        mean=mean,
        low=interval and interval.low,
        high=interval and interval.high,
        **significance_tests(right_means, other_means)._asdict(),
        rows=GapOverRows(n=len(pairs), mean=mean, **significance_tests(right, other)._asdict()),
    )


def significance_tests(right: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> GapTests:
    """Paired t-test and two-sample Kolmogorov-Smirnov test, both two-sided; right[i] is paired with other[i]."""
    undefined = SignificanceTest(statistic=None, p=None)
    if len(right) < 2:
        return GapTests(undefined, undefined)
    from scipy import stats  # half a second to import

    def test_of(result: Any) -> SignificanceTest:
        return SignificanceTest(statistic=float(result.statistic), p=float(result.pvalue))

    vary = np.ptp(np.subtract(right, other)) > ROUNDING
    return GapTests(
        paired_t=test_of(stats.ttest_rel(right, other)) if vary else undefined,
        ks=test_of(stats.ks_2samp(right, other)),
    )
