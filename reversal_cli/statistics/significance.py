"""Tests of "no difference", and the correction for several tests."""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

EXACT_TOTALS = 2**16
"""The permutation test is exact up to this many different totals, so always for scores of 0 and 1."""
FLIPS = 10_000
"""Random sign flips if there are more totals ..."""
BATCH = 1_000
"""... in batches of this size: 10,000 flips of 3,000 entities at once would take 240 MB."""
SEED = 0
TIE = 1e-9
"""Sums of scores that differ by less per summand are equal up to rounding."""


class PermutationTest(NamedTuple):
    p: float
    """Two-sided."""
    exact: bool
    """Whether every sign flip was counted, not a sample of them."""


def permutation_test(sums: np.ndarray) -> PermutationTest:
    """Paired permutation test that swaps the two runs within entities (Fisher's sign-flip test).

    sums: float64 [entities], of score differences. A swap changes the sign of an entity's sum; p is the share of sign
    flips whose total is at least as far from 0 as the observed one. A random sample of flips includes the observed one,
    (hits + 1) / (flips + 1), so p is never 0 (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).

    >>> permutation_test(np.array([3.0, 2.0, 1.0]))   # only + + + and - - - of 8 reach 6
    PermutationTest(p=0.25, exact=True)
    """
    observed = abs(sums.sum()) - TIE * len(sums)  # each is rounded on the way to a total
    distribution = _all_totals(sums)
    if distribution is not None:
        totals, shares = distribution
        return PermutationTest(min(1.0, float(shares[np.abs(totals) >= observed].sum())), exact=True)
    generator = np.random.default_rng(SEED)
    hits = 0
    for _ in range(FLIPS // BATCH):
        signs = 2.0 * generator.integers(0, 2, size=(BATCH, len(sums))) - 1
        hits += int(np.count_nonzero(np.abs(signs @ sums) >= observed))
    return PermutationTest((hits + 1) / (FLIPS + 1), exact=False)


def _all_totals(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Every total of a sign flip, and the share of flips with that total; None if there are too many totals.

    Adds entity by entity and merges equal totals. Sums of 0/1 scores are whole numbers, so 300 examples have at most
    601 totals, although the flips are many more.
    """
    totals: np.ndarray = np.zeros(1)
    shares: np.ndarray = np.ones(1)
    for entity in sums[np.abs(sums) > TIE]:
        both_signs = np.concatenate([totals - entity, totals + entity])
        totals, place = np.unique(np.round(both_signs, 9), return_inverse=True)
        if len(totals) > EXACT_TOTALS:
            return None
        shares = np.bincount(place, weights=np.concatenate([shares, shares]) / 2)
    return totals, shares


def mcnemar_test(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test: an example that one run has right is a fair coin between the two runs.

    It treats the examples of an entity as independent, which they are not: p is too small if they agree.

    >>> mcnemar_test(0, 5)
    0.0625
    """
    n = only_a + only_b
    ways, total = 1, 0
    for right in range(min(only_a, only_b) + 1):
        total += ways
        ways = ways * (n - right) // (right + 1)
    return min(1.0, 2 * total / 2**n)


def normal_p(z: float) -> float:
    """Two-sided p of a standard normal value.

    >>> round(normal_p(1.959964), 6)
    0.05
    """
    return 2 * NormalDist().cdf(-abs(z))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected for `len(p_values)` tests (Holm 1979), in the same order.

    If those below 0.05 count as significant, the chance of any false one is at most 5 %.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    results = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        results[index] = largest
    return results
