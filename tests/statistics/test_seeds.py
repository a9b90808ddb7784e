"""Differences over seeds, against scipy, statsmodels and counting by hand."""

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from reversal_cli.statistics.seeds import detectable_deviations, seed_difference


def test_three_seeds_by_hand():
    """Differences of 10, 20 and 30 points: mean 20, deviation 10, t = 20 / (10 / sqrt(3)) = 3.46 with 2 degrees."""
    difference = seed_difference([0.1, 0.2, 0.3])
    assert (difference.seeds, difference.mean, difference.deviation) == (3, pytest.approx(0.2), pytest.approx(0.1))
    assert difference.p_t == pytest.approx(stats.ttest_1samp([0.1, 0.2, 0.3], 0).pvalue, rel=1e-9)
    assert difference.p_flips == 2 / 2**3
    low, high = stats.t.interval(0.95, 2, loc=0.2, scale=0.1 / 3**0.5)
    assert difference.half_width == pytest.approx((high - low) / 2, rel=1e-6)
    assert difference.detectable == pytest.approx(0.326, abs=5e-4)


def test_no_sign_flip_of_five_seeds_is_below_its_bound_whatever_the_fractions():
    """Fractions of 600 prompts, which no decimal holds exactly."""
    assert seed_difference([17 / 600, 18 / 600, 12 / 600, 14 / 600, 29 / 600]).p_flips == pytest.approx(2 / 2**5)


@pytest.mark.parametrize(("seeds", "deviations"), [(2, 11.55), (3, 3.26), (5, 1.68), (8, 1.16), (10, 1.00), (60, 0.37)])
def test_the_detectable_difference_is_that_of_statsmodels(seeds, deviations):
    found = detectable_deviations(seeds)
    assert found == pytest.approx(TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8), rel=1e-4)
    assert found == pytest.approx(deviations, abs=5e-3)


def test_equal_differences_have_no_t_test():
    for value in (0.0, 0.3):
        difference = seed_difference([value] * 4)
        assert (difference.p_t, difference.deviation, difference.detectable) == (None, 0.0, 0.0)
        assert difference.p_flips == (1.0 if value == 0 else 2 / 2**4)
