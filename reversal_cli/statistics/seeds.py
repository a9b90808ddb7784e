"""Two methods compared over seeds: the seed is the independent unit, and both methods have each of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reversal_cli.statistics.clusters import t_quantile
from reversal_cli.statistics.paired import POWER
from reversal_cli.statistics.significance import permutation_test


@dataclass(frozen=True, slots=True)
class SeedDifference:
    """One method minus another, paired by seed; scores, not percent."""

    seeds: int
    mean: float
    deviation: float
    """Sample standard deviation of the differences."""
    half_width: float | None
    """Of the 95 % interval of the mean, from Student's t. None: all differences are equal."""
    p_t: float | None
    """Two-sided, of the paired t test. None: all differences are equal, so that it is undefined."""
    p_flips: float
    """Two-sided, of the sign-flip test: at least 2 / 2^seeds, so never below 0.05 with fewer than six seeds."""
    detectable: float
    """The smallest true difference that the t test finds 80 times of 100 with as many seeds and this deviation."""


def seed_difference(differences: Sequence[float]) -> SeedDifference:
    """differences: one per seed, of at least two.

    >>> seed_difference([0.1, 0.2, 0.3]).p_flips   # only + + + and - - - of 8 go as far
    0.25
    """
    values = np.asarray(differences, dtype=np.float64)
    seeds, mean, deviation = len(values), float(values.mean()), float(values.std(ddof=1))
    varies = deviation > 1e-12
    return SeedDifference(
        seeds=seeds,
        mean=mean,
        deviation=deviation if varies else 0.0,
        half_width=t_quantile(0.975, seeds - 1) * deviation / math.sqrt(seeds) if varies else None,
        p_t=_t_test(mean / deviation * math.sqrt(seeds), seeds - 1) if varies else None,
        p_flips=permutation_test(values).p,
        detectable=detectable_deviations(seeds) * deviation if varies else 0.0,
    )


def detectable_deviations(seeds: int) -> float:
    """The smallest true difference, in standard deviations of the paired difference, that a two-sided paired t test at
    5 % finds with 80 % power: that of the noncentral t distribution (Cohen 1988, section 2.2).

    >>> [round(detectable_deviations(seeds), 2) for seeds in (2, 3, 5, 8, 10)]
    [11.55, 3.26, 1.68, 1.16, 1.0]
    """
    from scipy.special import nctdtr

    freedom, critical = seeds - 1, t_quantile(0.975, seeds - 1)
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        # Without the other tail: a difference that is found this often is never taken for its opposite.
        power = 1 - nctdtr(freedom, middle * math.sqrt(seeds), critical)
        low, high = (middle, high) if power < POWER else (low, middle)
    return high


def _t_test(t: float, freedom: int) -> float:
    """Two-sided p of a value of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))
