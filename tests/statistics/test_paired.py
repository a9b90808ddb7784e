"""Differences, intervals and what could be detected, against scipy, statsmodels and loops."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.power import NormalIndPower

from reversal_cli.scoring.estimate import RESAMPLES, SEED, tail_probability
from reversal_cli.statistics.paired import (
    clustered_standard_error,
    detectable_difference,
    intraclass_correlation,
    paired_difference,
    paired_interval,
    score_interval,
)

A = [[1, 0], [1], [0, 0, 0], [1, 1, 1, 0], [0], [0, 1], [0, 1], [0, 0]]
B = [[1, 1], [0], [0, 1, 1], [1, 1, 1, 1], [1], [1, 1], [0, 1], [1, 0]]
"""Scores of two runs on the rows of eight entities."""
IDS = [f"e{index}" for index, rows in enumerate(A) for _ in rows]


def flat(groups: list) -> list[float]:
    return [float(score) for group in groups for score in group]


def test_the_difference_is_that_of_the_means_over_rows():
    result = paired_difference(flat(A), flat(B), IDS)
    assert (result.n, result.entities) == (17, 8)
    assert (result.mean_a, result.mean_b) == pytest.approx((7 / 17, 13 / 17), rel=1e-12)
    assert result.difference == pytest.approx(6 / 17, rel=1e-12)
    assert (result.discordant.only_a, result.discordant.only_b) == (1, 7)
    assert result.discordant.mcnemar_p == pytest.approx(stats.binomtest(1, 8).pvalue, rel=1e-12)


def test_the_interval_equals_a_slow_bootstrap_that_draws_entities_with_both_runs_rows():
    result = paired_difference(flat(A), flat(B), IDS)
    differences = []
    for drawn in np.random.default_rng(SEED).integers(8, size=(RESAMPLES, 8)):
        rows_a = [score for entity in drawn for score in A[entity]]
        rows_b = [score for entity in drawn for score in B[entity]]
        differences.append(sum(rows_b) / len(rows_b) - sum(rows_a) / len(rows_a))
    tail = tail_probability(8)
    assert result.interval == "bootstrap"
    assert [result.low, result.high] == pytest.approx(list(np.quantile(differences, [tail, 1 - tail])), rel=1e-9)


def test_the_interval_agrees_with_the_bootstrap_of_scipy():
    generator = np.random.default_rng(1)
    a, b = generator.uniform(0, 0.8, 30), generator.uniform(0.2, 1, 30)
    result = paired_difference(list(a), list(b), [f"{index:02d}" for index in range(30)])
    level = 1 - 2 * tail_probability(30)
    expected = stats.bootstrap(
        (b - a,), np.mean, confidence_level=level, method="percentile", rng=2
    ).confidence_interval
    assert [result.low, result.high] == pytest.approx([expected.low, expected.high], abs=0.012)


def test_the_interval_covers_the_true_difference_95_times_of_100():
    """400 pairs of runs on 20 entities: rates of 0.4 and 0.6 on average, rows of one alike, half of the rates bound."""
    size = (400, 20)
    generator = np.random.default_rng(0)
    rates_a = generator.beta(0.4, 0.6, size)
    rates_b = np.where(generator.random(size) < 0.5, 1 - (1 - rates_a) * 2 / 3, generator.beta(0.6, 0.4, size))
    sums = generator.binomial(10, rates_b) - generator.binomial(10, rates_a)
    intervals = [paired_interval(row, np.full(20, 10)) for row in sums]
    assert 0.92 < np.mean([interval.low <= 0.2 <= interval.high for interval in intervals]) < 0.98


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0])
def test_equal_runs_leave_room_for_a_difference_that_the_sample_does_not_contain(mean):
    """About three of 30 entities, the rule of three, either way; no number is 0."""
    scores = [mean] * 300
    result = paired_difference(scores, scores, [f"{index // 10:02d}" for index in range(300)])
    assert (result.difference, result.p, result.interval) == (0, 1, "score")
    assert (result.low, result.high) == pytest.approx((-3 / 30, 3 / 30), abs=0.02)
    assert (result.standard_error, result.intraclass_correlation) == (None, None)
    assert result.detectable > 0.1


def test_a_difference_of_everything_in_every_entity_has_an_interval_too():
    result = paired_difference([0.0] * 60, [1.0] * 60, [f"{index // 2:02d}" for index in range(60)])
    assert (result.difference, result.high, result.interval) == (1, 1, "score")
    assert result.low == pytest.approx(1 - 2 * 3 / 30, abs=0.03)
    assert result.p == pytest.approx(2**-29, rel=1e-9)


def test_few_entities_that_differ_are_no_more_certain_than_none():
    none = paired_difference([0.0] * 30, [0.0] * 30, [f"{index:02d}" for index in range(30)])
    four = paired_difference([0.0] * 30, [1.0] * 4 + [0.0] * 26, [f"{index:02d}" for index in range(30)])
    assert four.interval == "score"
    assert four.high - four.low > none.high - none.low


def test_one_entity_says_next_to_nothing():
    result = paired_difference([0.0] * 10, [1.0] * 10, ["e"] * 10)
    assert (result.p, result.intraclass_correlation) == (1, None)
    assert result.low < 0 < result.high == 1


def slow_score_statistic(difference: float, only_a: float, only_b: float, pairs: int) -> float:
    """(observed - difference) / standard error, its variance at the most likely shares that have the difference."""

    def log_likelihood(share_a: float) -> float:
        shares = (
            (only_a, share_a),
            (only_b, share_a + difference),
            (pairs - only_a - only_b, 1 - 2 * share_a - difference),
        )
        return sum(count * math.log(max(share, 1e-300)) for count, share in shares if count > 0)

    low, high = max(0.0, -difference), (1 - difference) / 2
    share = optimize.minimize_scalar(
        lambda x: -log_likelihood(x), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    best = max((low, share, high), key=log_likelihood)
    return ((only_b - only_a) / pairs - difference) / math.sqrt((2 * best + difference - difference**2) / pairs)


@pytest.mark.parametrize(
    ("only_a", "only_b", "pairs"), [(20, 40, 160), (0, 4, 30), (2, 5, 10), (0.4, 1.3, 30), (0, 30, 30), (0, 0, 7)]
)
def test_the_score_interval_ends_where_the_slow_score_test_rejects(only_a, only_b, pairs):
    for end in score_interval(only_a, only_b, pairs):
        if abs(end) < 1:
            assert abs(slow_score_statistic(end, only_a, only_b, pairs)) == pytest.approx(1.959964, rel=1e-4)


def test_the_score_interval_is_mirrored_when_the_runs_are_swapped():
    low, high = score_interval(3, 7.5, 20)
    assert score_interval(7.5, 3, 20) == pytest.approx((-high, -low), rel=1e-9)


def by_entity(groups_a: list, groups_b: list) -> tuple[np.ndarray, np.ndarray]:
    sums = [sum(b) - sum(a) for a, b in zip(groups_a, groups_b, strict=True)]
    return np.array(sums, dtype=float), np.array([len(group) for group in groups_a])


def test_the_standard_error_is_the_clustered_one_of_statsmodels():
    """A regression on a constant; its correction is entities / (entities - 1), as there is one coefficient."""
    differences = np.array(flat(B)) - np.array(flat(A))
    groups = np.unique(IDS, return_inverse=True)[1]
    fit = sm.OLS(differences, np.ones(len(differences))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert clustered_standard_error(*by_entity(A, B)) == pytest.approx(fit.bse[0], rel=1e-9)


def test_the_standard_error_of_equally_many_rows_is_that_of_the_entity_means():
    means = np.random.default_rng(0).uniform(-1, 1, 30)
    assert clustered_standard_error(10 * means, np.full(30, 10)) == pytest.approx(stats.sem(means), rel=1e-12)


def test_the_detectable_difference_is_found_with_a_power_of_80_percent():
    """statsmodels, one sample of 30 paired differences with a standard deviation of 0.2."""
    effect = NormalIndPower(ddof=0).solve_power(nobs1=30, alpha=0.05, power=0.8, ratio=0)
    assert detectable_difference(0.2 / math.sqrt(30)) == pytest.approx(0.2 * effect, rel=1e-4)


def test_the_intraclass_correlation_is_that_of_an_analysis_of_variance():
    values = np.random.default_rng(2).normal(size=(12, 1)) + np.random.default_rng(3).normal(size=(12, 5))
    ids = [f"{entity:02d}" for entity in range(12) for _ in range(5)]
    ratio = stats.f_oneway(*values).statistic
    assert intraclass_correlation(values.ravel(), ids) == pytest.approx((ratio - 1) / (ratio + 4), rel=1e-9)


def test_the_intraclass_correlation_counts_unequal_entities_as_a_slow_one_does():
    groups = [[b - a for a, b in zip(*rows, strict=True)] for rows in zip(A, B, strict=True)]
    rows, entities = 17, 8
    mean = sum(map(sum, groups)) / rows
    between = sum(len(g) * (sum(g) / len(g) - mean) ** 2 for g in groups) / (entities - 1)
    within = sum((value - sum(g) / len(g)) ** 2 for g in groups for value in g) / (rows - entities)
    size = (rows - sum(len(g) ** 2 for g in groups) / rows) / (entities - 1)
    expected = (between - within) / (between + (size - 1) * within)
    assert intraclass_correlation(np.array(flat(groups)), IDS) == pytest.approx(expected, rel=1e-9)


def test_rows_that_agree_have_a_correlation_of_1_and_single_rows_have_none():
    assert intraclass_correlation(np.repeat([0.0, 1.0, 1.0], 4), list("aaaabbbbcccc")) == pytest.approx(1, rel=1e-9)
    assert intraclass_correlation(np.array([0.0, 1.0, 1.0]), list("abc")) is None


def test_scores_between_0_and_1_have_no_rows_that_are_right():
    assert paired_difference([0.5, 1.0], [0.0, 1.0], ["a", "b"]).discordant is None
