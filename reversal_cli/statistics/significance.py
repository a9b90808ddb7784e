"""Tests of "no difference", and the correction for asking several times."""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

EXACT_TOTALS = 2**16
"""Up to this many different totals the permutation test counts them all: for 0/1 scores always."""
FLIPS = 10_000
"""Random sign flips where there are more ..."""
BATCH = 1_000
"""... so many at once: 10,000 flips of 3,000 entities would take 240 MB."""
SEED = 0
TIE = 1e-9
"""Sums of scores that differ by less are equal: they differ in rounding only."""


class PermutationTest(NamedTuple):
    p: float
    """Two-sided."""
    exact: bool
    """Every sign flip was counted, not a sample of them."""


def permutation_test(sums: np.ndarray) -> PermutationTest:
    """Paired permutation test: were the runs' names swapped within entities at random, how often so large a difference?

    sums: float64 [entities], of score differences. If it does not matter which run is which, each entity's sum might as
    well have the other sign (Fisher's sign-flip test); p is the share of flips whose total is at least as far from 0.
    A random sample of flips counts the one observed as well, (hits + 1) / (flips + 1), so p is never 0 (Phipson and
    Smyth 2010, doi 10.2202/1544-6115.1585).

    >>> permutation_test(np.array([3.0, 2.0, 1.0]))   # only + + + and - - - of 8 reach 6
    PermutationTest(p=0.25, exact=True)
    """
    observed = abs(sums.sum()) - TIE
    counted = _all_totals(sums)
    if counted is not None:
        totals, shares = counted
        return PermutationTest(min(1.0, float(shares[np.abs(totals) >= observed].sum())), exact=True)
    generator = np.random.default_rng(SEED)
    hits = 0
    for _ in range(FLIPS // BATCH):
        signs = 2.0 * generator.integers(0, 2, size=(BATCH, len(sums))) - 1
        hits += int(np.count_nonzero(np.abs(signs @ sums) >= observed))
    return PermutationTest((hits + 1) / (FLIPS + 1), exact=False)


def _all_totals(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Each total that sign flips can reach, and the share of the flips that reach it; None where there are too many.

    Entity by entity, merging equal totals: sums of 0/1 scores are whole numbers, so 300 rows reach at most 601 totals
    however many the flips.
    """
    totals: np.ndarray = np.zeros(1)
    shares: np.ndarray = np.ones(1)
    for entity in sums[np.abs(sums) > TIE]:
        reached = np.concatenate([totals - entity, totals + entity])
        totals, place = np.unique(np.round(reached, 9), return_inverse=True)
        if len(totals) > EXACT_TOTALS:
            return None
        shares = np.bincount(place, weights=np.concatenate([shares, shares]) / 2)
    return totals, shares


def mcnemar_test(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test: rows right in one run only should fall to either run like a fair coin.

    It takes the rows of an entity for independent, which they are not: p is too small where they agree.

    >>> mcnemar_test(0, 5)
    0.0625
    """
    rows = only_a + only_b
    ways, total = 1, 0
    for right in range(min(only_a, only_b) + 1):
        total += ways
        ways = ways * (rows - right) // (right + 1)
    return min(1.0, 2 * total / 2**rows)


def normal_p(z: float) -> float:
    """Two-sided p of a standard normal deviate.

    >>> round(normal_p(1.959964), 6)
    0.05
    """
    return 2 * NormalDist().cdf(-abs(z))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for asking `len(p_values)` questions (Holm 1979), in the given order.

    Below 0.05 each: the chance of any false alarm among all is at most 5 %.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
