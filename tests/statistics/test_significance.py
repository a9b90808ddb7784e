"""Tests of "no difference", against scipy, statsmodels and counting by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from reversal_cli.statistics.significance import FLIPS, holm, mcnemar_test, permutation_test


def all_flips(sums: list[float]) -> float:
    """The share of the 2^n sign flips that go at least as far, one by one."""
    observed = abs(sum(sums)) - 1e-9
    flips = list(itertools.product([-1, 1], repeat=len(sums)))
    return sum(abs(sum(s * d for s, d in zip(signs, sums, strict=True))) >= observed for signs in flips) / len(flips)


@pytest.mark.parametrize(
    "sums",
    [
        [1.0],
        [3, 2, 1],
        [0, 0, 0, 5],
        [1, -1],
        [4, -2, 1, 0, 7, -3, 10, 2, 2, -1],
        [0.1, 0.2, 0.3, -0.6, 0.25, 1.7],
    ],
)
def test_the_permutation_test_counts_every_sign_flip(sums):
    test = permutation_test(np.array(sums, dtype=float))
    assert test.exact
    assert test.p == pytest.approx(all_flips(sums), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_permutation_test_is_that_of_scipy(seed):
    sums = np.random.default_rng(seed).integers(-3, 6, size=12).astype(float)
    expected = stats.permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert permutation_test(sums).p == pytest.approx(expected.pvalue, rel=1e-9)


def test_whole_numbers_are_counted_exactly_however_many_the_entities():
    """300 differences of +-1: the total of flips is a binomial; 330 of them would be too many to draw."""
    sums = np.array([1.0] * 170 + [-1.0] * 130)
    test = permutation_test(sums)
    assert test.exact
    assert test.p == pytest.approx(stats.binomtest(170, 300).pvalue, rel=1e-9)
    assert permutation_test(np.ones(300)).p == pytest.approx(2.0**-299, rel=1e-9)


def test_random_flips_agree_with_all_of_them():
    sums = np.random.default_rng(5).normal(0.25, 1, size=17)
    test = permutation_test(sums)
    signs = 1.0 - 2 * ((np.arange(2**17)[:, None] >> np.arange(17)) & 1)
    p = np.mean(np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9)
    assert not test.exact
    assert test.p == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / FLIPS))
    assert permutation_test(sums) == test


def test_random_flips_never_give_a_p_of_0():
    sums = np.random.default_rng(0).uniform(1, 2, size=40)
    assert permutation_test(sums) == (1 / (FLIPS + 1), False)


def test_no_difference_at_all_has_a_p_of_1():
    assert permutation_test(np.zeros(30)) == (1.0, True)


def test_the_permutation_test_raises_a_false_alarm_5_times_of_100_at_most():
    """Two equal runs, 400 times; the ten rows of an entity are alike."""
    generator = np.random.default_rng(0)
    rates = generator.beta(0.3, 0.3, size=(2, 400, 15))
    sums = generator.binomial(10, rates[0]) - generator.binomial(10, rates[1])
    alarms = np.mean([permutation_test(row.astype(float)).p <= 0.05 for row in sums])
    assert 0.02 < alarms < 0.07


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (0, 1), (0, 5), (3, 12), (12, 3), (7, 7), (7, 8), (150, 201)])
def test_mcnemar_is_that_of_statsmodels_and_scipy(only_a, only_b):
    p = mcnemar_test(only_a, only_b)
    assert p == pytest.approx(mcnemar([[9, only_a], [only_b, 4]], exact=True).pvalue, rel=1e-9)
    if only_a + only_b:
        assert p == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.5, 0.6], [0.02] * 4, [1e-9], [0.9, 0.0, 0.3]])
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), rel=1e-12)
