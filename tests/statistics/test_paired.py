"""Differences, intervals and what could be detected, against scipy, statsmodels and loops."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.power import NormalIndPower

from reversal_cli.statistics.clusters import Variance
from reversal_cli.statistics.paired import (
    detectable_difference,
    intraclass_correlation,
    paired_difference,
    score_test,
    tango_interval,
)

A = [[1, 0], [1], [0, 0, 0], [1, 1, 1, 0], [0], [0, 1], [0, 1], [0, 0]]
B = [[1, 1], [0], [0, 1, 1], [1, 1, 1, 1], [1], [1, 1], [0, 1], [1, 0]]
"""Scores of two runs on the rows of eight entities."""
IDS = [f"e{index}" for index, rows in enumerate(A) for _ in rows]


def flat(groups: list) -> list[float]:
    return [float(score) for group in groups for score in group]


def numbered(ids) -> np.ndarray:
    return np.unique(list(ids), return_inverse=True)[1]


def test_the_difference_is_that_of_the_means_over_rows():
    result = paired_difference(flat(A), flat(B), IDS)
    assert (result.n, result.entities) == (17, 8)
    assert (result.mean_a, result.mean_b) == pytest.approx((7 / 17, 13 / 17), rel=1e-12)
    assert result.difference == pytest.approx(6 / 17, rel=1e-12)
    assert (result.discordant.only_a, result.discordant.only_b) == (1, 7)
    assert result.discordant.mcnemar_p == pytest.approx(stats.binomtest(1, 8).pvalue, rel=1e-12)


def test_the_interval_is_that_of_students_t_with_the_error_of_statsmodels():
    """A regression on a constant, clustered by entity; its correction is entities / (entities - 1)."""
    differences = np.array(flat(B)) - np.array(flat(A))
    groups = np.unique(IDS, return_inverse=True)[1]
    fit = sm.OLS(differences, np.ones(len(differences))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    sums = np.bincount(groups, weights=differences - differences.mean())
    freedom = min(7, 16 / (8 * (sums**4).sum() / (sums**2).sum() ** 2 - 1))
    half = stats.t.ppf(0.975, freedom) * fit.bse[0]
    result = paired_difference(flat(A), flat(B), IDS)
    assert (result.interval, result.unit) == ("t", "entities")
    assert result.standard_error == pytest.approx(fit.bse[0], rel=1e-9)
    assert [result.low, result.high] == pytest.approx([6 / 17 - half, 6 / 17 + half], rel=1e-9)
    assert result.p == pytest.approx(2 * stats.t.sf(6 / 17 / fit.bse[0], freedom), rel=1e-9)


def crossed(gain_of_template: list[float], entities: int = 30) -> tuple[list[float], list[float], list[str], list[str]]:
    """A is right nowhere; B is, of each template, for that share of the entities."""
    cells = [(entity, template) for entity in range(entities) for template in range(len(gain_of_template))]
    right = [float(entity < entities * gain_of_template[template]) for entity, template in cells]
    return [0.0] * len(cells), right, [f"e{e:02d}" for e, _ in cells], [f"t{t:02d}" for _, t in cells]


def test_a_gain_in_some_templates_only_is_less_certain_over_entities_and_templates():
    a, b, ids, templates = crossed([0.9, 0.8, 0.9, 0.1, 0.0, 0.1, 0.0, 0.2, 0.0, 0.0])
    both, alone = paired_difference(a, b, ids, templates), paired_difference(a, b, ids)
    assert (both.unit, both.templates, alone.unit, alone.templates) == ("entities-and-templates", 10, "entities", None)
    assert both.difference == alone.difference == pytest.approx(0.3)
    assert both.high - both.low > 3 * (alone.high - alone.low)
    assert both.detectable > 3 * alone.detectable
    assert both.p > 0.01 > alone.p
    assert both.p_permutation == alone.p_permutation < 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_the_test_rejects_exactly_where_the_interval_lacks_0(seed):
    generator = np.random.default_rng(seed)
    a, b = ((generator.random(80) < rate).astype(float) for rate in (0.3, 0.5))
    ids, templates = [f"{row // 8:02d}" for row in range(80)], [f"t{row % 8}" for row in range(80)]
    result = paired_difference(list(a), list(b), ids, templates)
    assert (result.p < 0.05) == (result.low > 0 or result.high < 0)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 4), (0, 3), (2, 9), (5, 5), (0.4, 5.2)])
def test_the_score_test_rejects_exactly_where_the_score_interval_lacks_0(only_a, only_b):
    low, high = tango_interval(only_a, only_b, 30)
    assert (score_test(only_a, only_b) < 0.05) == (low > 0 or high < 0)


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
    assert result.p < 1e-6
    assert result.p_permutation == pytest.approx(2**-29, rel=1e-9)


def test_equal_runs_leave_more_room_where_templates_are_fewer_than_entities():
    a, _, ids, templates = crossed([0.0] * 10)
    result = paired_difference(a, a, ids, templates)
    assert (result.interval, result.p) == ("score", 1)
    assert (result.low, result.high) == pytest.approx(tango_interval(0, 0, 10), rel=1e-12)


def test_few_entities_that_differ_are_no_more_certain_than_none():
    none = paired_difference([0.0] * 30, [0.0] * 30, [f"{index:02d}" for index in range(30)])
    two = paired_difference([0.0] * 30, [1.0] * 2 + [0.0] * 28, [f"{index:02d}" for index in range(30)])
    assert two.interval == "score"
    assert two.high - two.low > none.high - none.low


def test_one_entity_says_next_to_nothing():
    result = paired_difference([0.0] * 10, [1.0] * 10, ["e"] * 10)
    assert (result.p_permutation, result.intraclass_correlation) == (1, None)
    assert result.p > 0.3
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
    for end in tango_interval(only_a, only_b, pairs):
        if abs(end) < 1:
            assert abs(slow_score_statistic(end, only_a, only_b, pairs)) == pytest.approx(1.959964, rel=1e-4)


def test_the_score_interval_is_mirrored_when_the_runs_are_swapped():
    low, high = tango_interval(3, 7.5, 20)
    assert tango_interval(7.5, 3, 20) == pytest.approx((-high, -low), rel=1e-9)


def test_the_detectable_difference_is_found_with_a_power_of_80_percent():
    """statsmodels, one sample of 30 paired differences with a standard deviation of 0.2."""
    effect = NormalIndPower(ddof=0).solve_power(nobs1=30, alpha=0.05, power=0.8, ratio=0)
    assert detectable_difference(Variance(0.04 / 30, math.inf)) == pytest.approx(0.2 * effect, rel=1e-4)


def test_the_intraclass_correlation_is_that_of_an_analysis_of_variance():
    values = np.random.default_rng(2).normal(size=(12, 1)) + np.random.default_rng(3).normal(size=(12, 5))
    ids = [f"{entity:02d}" for entity in range(12) for _ in range(5)]
    ratio = stats.f_oneway(*values).statistic
    assert intraclass_correlation(values.ravel(), numbered(ids)) == pytest.approx((ratio - 1) / (ratio + 4), rel=1e-9)


def test_the_intraclass_correlation_counts_unequal_entities_as_a_slow_one_does():
    groups = [[b - a for a, b in zip(*rows, strict=True)] for rows in zip(A, B, strict=True)]
    rows, entities = 17, 8
    mean = sum(map(sum, groups)) / rows
    between = sum(len(g) * (sum(g) / len(g) - mean) ** 2 for g in groups) / (entities - 1)
    within = sum((value - sum(g) / len(g)) ** 2 for g in groups for value in g) / (rows - entities)
    size = (rows - sum(len(g) ** 2 for g in groups) / rows) / (entities - 1)
    expected = (between - within) / (between + (size - 1) * within)
    assert intraclass_correlation(np.array(flat(groups)), numbered(IDS)) == pytest.approx(expected, rel=1e-9)


def test_rows_that_agree_have_a_correlation_of_1_and_single_rows_have_none():
    assert intraclass_correlation(np.repeat([0.0, 1.0, 1.0], 4), numbered("aaaabbbbcccc")) == pytest.approx(1, rel=1e-9)
    assert intraclass_correlation(np.array([0.0, 1.0, 1.0]), numbered("abc")) is None


def test_scores_between_0_and_1_have_no_rows_that_are_right():
    assert paired_difference([0.5, 1.0], [0.0, 1.0], ["a", "b"]).discordant is None
