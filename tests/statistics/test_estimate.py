"""Mean and interval over entities and templates."""

import math

import numpy as np
import pytest
from scipy import stats

from reversal_cli.statistics.estimate import estimate, wilson_interval


def rows(entity_means: list[float], per_entity: int = 10) -> tuple[list[float], list[str]]:
    """0/1 scores with the given mean for each entity."""
    scores, entity_ids = [], []
    for entity, mean in enumerate(entity_means):
        successes = round(mean * per_entity)
        scores += [1.0] * successes + [0.0] * (per_entity - successes)
        entity_ids += [f"entity-{entity:02d}"] * per_entity
    return scores, entity_ids


def crossed(table: list[list[float]]) -> tuple[list[float], list[str], list[str]]:
    """Scores [entities][templates] as rows."""
    cells = [(score, f"e{e:02d}", f"t{t:02d}") for e, line in enumerate(table) for t, score in enumerate(line)]
    scores, entity_ids, template_ids = zip(*cells, strict=True)
    return list(scores), list(entity_ids), list(template_ids)


def test_the_interval_ends_where_a_slow_score_test_with_the_effective_rows_rejects():
    """Unequal numbers of rows; the variance is that of clusters, by loops."""
    by_entity = [[1.0, 0.0], [1.0], [0.0, 0.0, 0.5], [1.0, 1.0, 1.0, 0.25], [0.0], [0.5, 0.5], [0.0, 1.0]]
    scores = [score for group in by_entity for score in group]
    entity_ids = [f"e{index}" for index, group in enumerate(by_entity) for _ in group]
    mean = sum(scores) / 15
    sums = [sum(score - mean for score in group) for group in by_entity]
    variance = 7 / 6 * sum(total**2 for total in sums) / 15**2
    kurtosis = 7 * sum(total**4 for total in sums) / sum(total**2 for total in sums) ** 2
    t = stats.t.ppf(0.975, min(6, 14 / (kurtosis - 1)))
    effective = mean * (1 - mean) / variance
    result = estimate(scores, entity_ids)
    assert result.mean == pytest.approx(mean, rel=1e-12)
    assert (result.n, result.entities, result.unit) == (15, 7, "entities")
    for end in (result.low, result.high):
        assert abs(mean - end) == pytest.approx(t * math.sqrt(end * (1 - end) / effective), rel=1e-9)


@pytest.mark.parametrize("entities", [10, 30, 300])
def test_the_interval_in_the_middle_is_about_as_wide_as_that_of_students_t(entities):
    means = np.linspace(0.2, 0.8, entities)
    result = estimate(list(means), [f"{entity:03d}" for entity in range(entities)])
    half = stats.t.ppf(0.975, entities - 1) * means.std(ddof=1) / math.sqrt(entities)
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=0.05)


def test_a_template_that_all_fail_widens_the_interval_over_templates_only():
    """29 of 30 entities right in 16 of 20 templates: 77 %, and over entities alone 77 % of these templates only."""
    scores, entity_ids, template_ids = crossed([[1.0] * 16 + [0.0] * 4] * 29 + [[0.0] * 20] * 1)
    alone, both = estimate(scores, entity_ids), estimate(scores, entity_ids, template_ids)
    assert alone.mean == both.mean == pytest.approx(0.8 * 29 / 30)
    assert (alone.unit, both.unit) == ("entities", "entities-and-templates")
    assert both.low < 0.6 and both.high > 0.9


def test_the_published_case_of_templates_from_a_tenth_to_all():
    """The mean over ten templates of 0.1 to 1.0 is uncertain by some 20 points either way, not by five."""
    rates = [0.1, 0.6, 0.8, 0.9, 1, 1, 1, 1, 1, 1]
    table = [[float(entity < 30 * rate) for rate in rates] for entity in range(30)]
    result = estimate(*crossed(table))
    assert result.mean == pytest.approx(0.84)
    assert 0.45 < result.low < 0.70 and 0.93 < result.high < 1


def test_the_order_of_rows_does_not_change_the_estimate():
    scores, entity_ids = rows([0.1, 0.9, 0.5, 0.3, 1.0, 0.7, 0.0])
    shuffled = np.random.default_rng(1).permutation(len(scores))
    found = estimate([scores[i] for i in shuffled], [entity_ids[i] for i in shuffled])
    expected = estimate(scores, entity_ids)
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high), rel=1e-12)


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


def test_no_success_in_any_of_few_templates_says_little_of_others():
    result = estimate(*crossed([[0.0] * 10] * 30))
    assert (result.low, result.high) == (0, pytest.approx(wilson_interval(0, 10).high))


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
