"""Mean and interval over entities."""

import math

import numpy as np
import pytest
from scipy import stats

from reversal_cli.scoring.estimate import RESAMPLES, SEED, estimate, t_quantile, tail_probability, wilson_interval


def rows(entity_means: list[float], per_entity: int = 10) -> tuple[list[float], list[str]]:
    """0/1 scores with the given mean for each entity."""
    scores, entity_ids = [], []
    for entity, mean in enumerate(entity_means):
        successes = round(mean * per_entity)
        scores += [1.0] * successes + [0.0] * (per_entity - successes)
        entity_ids += [f"entity-{entity:02d}"] * per_entity
    return scores, entity_ids


def test_the_interval_equals_a_slow_bootstrap_over_entities():
    """Entities have unequal numbers of rows; each resample takes all rows of each drawn entity."""
    by_entity = [[1.0, 0.0], [1.0], [0.0, 0.0, 0.5], [1.0, 1.0, 1.0, 0.25], [0.0], [0.5, 0.5], [0.0, 1.0]]
    scores = [score for group in by_entity for score in group]
    entity_ids = [f"e{index}" for index, group in enumerate(by_entity) for _ in group]

    generator = np.random.default_rng(SEED)
    means = []
    for drawn in generator.integers(len(by_entity), size=(RESAMPLES, len(by_entity))):
        resample = [score for entity in drawn for score in by_entity[entity]]
        means.append(sum(resample) / len(resample))
    means.sort()

    tail = stats.norm.cdf(-math.sqrt(7 / 6) * t_quantile(6))
    result = estimate(scores, entity_ids)
    assert result.mean == pytest.approx(sum(scores) / len(scores), rel=1e-12)
    assert (result.n, result.entities) == (15, 7)
    assert [result.low, result.high] == pytest.approx([quantile(means, tail), quantile(means, 1 - tail)], rel=1e-9)


def quantile(ordered: list[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    return ordered[below] + (position - below) * (ordered[below + 1] - ordered[below])


@pytest.mark.parametrize(("entities", "tolerance"), [(5, 0.01), (6, 0.003), (10, 1e-3), (30, 1e-5), (1000, 1e-9)])
def test_the_t_quantile_is_that_of_scipy(entities, tolerance):
    assert t_quantile(entities - 1) == pytest.approx(stats.t.ppf(0.975, entities - 1), abs=tolerance)


@pytest.mark.parametrize("entities", [10, 30, 300])
def test_the_interval_is_as_wide_as_that_of_students_t(entities):
    """Bootstrap means of a symmetric sample are normal, with the population's standard error."""
    means = np.linspace(0.2, 0.8, entities)
    result = estimate(list(means), [f"{entity:03d}" for entity in range(entities)])
    half = stats.t.ppf(0.975, entities - 1) * means.std(ddof=1) / math.sqrt(entities)
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=0.05)
    assert tail_probability(entities) < 0.025


def test_the_interval_covers_the_true_mean_95_times_of_100():
    """200 data sets of 20 entities; each entity's ten rows agree to a degree (intraclass correlation 0.5)."""
    generator = np.random.default_rng(0)
    rates = generator.beta(0.4, 0.6, size=(200, 20))
    entity_ids = [f"{entity:02d}" for entity in range(20)]
    covered = 0
    for means in generator.binomial(10, rates) / 10:
        result = estimate(list(means), entity_ids)
        covered += result.low <= 0.4 <= result.high
    assert 0.91 < covered / 200 < 0.98


def test_the_order_of_rows_does_not_change_the_estimate():
    scores, entity_ids = rows([0.1, 0.9, 0.5, 0.3, 1.0, 0.7, 0.0])
    shuffled = np.random.default_rng(1).permutation(len(scores))
    assert estimate([scores[i] for i in shuffled], [entity_ids[i] for i in shuffled]) == estimate(scores, entity_ids)


def test_agreeing_rows_of_an_entity_widen_the_interval_threefold():
    """15 of 30 entities fully right is far less certain than half of the rows of each entity, spread evenly."""
    clustered = estimate(*rows([1.0] * 15 + [0.0] * 15))
    half = estimate(*rows([0.4, 0.6] * 15))
    assert clustered.mean == half.mean == 0.5
    assert clustered.high - clustered.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 30), rel=0.1)
    assert half.high - half.low < (clustered.high - clustered.low) / 3


def test_no_success_at_all_is_bounded_by_about_three_over_the_number_of_entities():
    result = estimate(*rows([0.0] * 30))
    assert (result.mean, result.low) == (0, 0)
    assert result.high == pytest.approx(3 / 30, abs=0.02)


def test_no_failure_at_all_mirrors_no_success():
    none, every = estimate(*rows([0.0] * 30)), estimate(*rows([1.0] * 30))
    assert (every.mean, every.high) == (1, 1)
    assert every.low == pytest.approx(1 - none.high, rel=1e-12)


def test_one_success_is_not_reported_as_more_certain_than_none():
    assert estimate(*rows([0.1] + [0.0] * 29)).high > estimate(*rows([0.0] * 30)).high


def test_equal_entity_means_do_not_give_an_interval_without_width():
    result = estimate(*rows([0.5] * 30))
    assert result.low < 0.35 < 0.65 < result.high


def test_one_entity_says_next_to_nothing():
    result = estimate(*rows([1.0]))
    assert result.low < 0.25
    assert result.high == 1


@pytest.mark.parametrize(("mean", "n"), [(0.0, 30), (1.0, 30), (0.3, 30), (0.02, 7), (0.5, 1)])
def test_wilson_interval_ends_where_the_normal_test_rejects(mean, n):
    """An end p solves |mean - p| = 1.96 sqrt(p (1 - p) / n), or is 0 or 1."""
    for end in wilson_interval(mean, n):
        if end not in (0.0, 1.0):
            assert abs(mean - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / n), rel=1e-5)


def test_no_scores_are_a_programming_error():
    with pytest.raises(ValueError, match="0 scores"):
        estimate([], [])
