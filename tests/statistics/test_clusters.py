"""The variance of a mean over entities and templates, against loops, least squares and statsmodels."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from reversal_cli.statistics.clusters import Clusters, Variance, t_interval, t_test, variance_of_mean

ENTITIES, TEMPLATES = 6, 4


def crossed(entities: int = ENTITIES, templates: int = TEMPLATES) -> tuple[list[str], list[str]]:
    ids = [f"e{entity}" for entity in range(entities) for _ in range(templates)]
    return ids, [f"t{template}" for _ in range(entities) for template in range(templates)]


def values(seed: int, entity: float = 1.0, template: float = 1.0) -> np.ndarray:
    """float64 [rows] with effects of entities, templates and rows."""
    draw = np.random.default_rng(seed)
    table = entity * draw.normal(size=(ENTITIES, 1)) + template * draw.normal(size=TEMPLATES)
    return (table + draw.normal(size=(ENTITIES, TEMPLATES))).ravel()


def slow_degrees_of_freedom(means: list[float]) -> float:
    """2 / (relative variance of the variance), by the fourth moment, at most their number - 1."""
    mean, count = sum(means) / len(means), len(means)
    second = sum((m - mean) ** 2 for m in means) / count
    fourth = sum((m - mean) ** 4 for m in means) / count
    return min(count - 1, 2 / ((fourth / second**2 - 1) / count))


@pytest.mark.parametrize("seed", range(4))
def test_the_variance_over_both_is_that_of_a_two_way_analysis_of_variance(seed):
    table = values(seed).reshape(ENTITIES, TEMPLATES)
    by_entity, by_template = table.mean(axis=1), table.mean(axis=0)
    rest = sum(
        (table[e, t] - by_entity[e] - by_template[t] + table.mean()) ** 2
        for e in range(ENTITIES)
        for t in range(TEMPLATES)
    ) / ((ENTITIES - 1) * (TEMPLATES - 1))
    parts = [by_entity.var(ddof=1) / ENTITIES, by_template.var(ddof=1) / TEMPLATES, rest / table.size]
    expected = max(parts[2] / 2, parts[0] + parts[1] - parts[2])
    freedoms = [slow_degrees_of_freedom(list(by_entity)), slow_degrees_of_freedom(list(by_template)), 15]
    found = variance_of_mean(table.ravel(), Clusters.of(*crossed()))
    assert found.value == pytest.approx(expected, rel=1e-9)
    slow = max(expected, parts[2]) ** 2 / sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    assert found.freedom == pytest.approx(slow, rel=1e-9)


def test_where_rows_are_missing_the_rest_is_what_least_squares_leave():
    entity_ids, template_ids = crossed()
    kept = np.random.default_rng(1).permutation(24)[:17]
    ids, wordings = [entity_ids[row] for row in kept], [template_ids[row] for row in kept]
    scores = values(5)[kept]
    by_entity = [[entity == f"e{n}" for n in range(ENTITIES)] for entity in ids]
    by_template = [[template == f"t{n}" for n in range(TEMPLATES)] for template in wordings]
    design = np.hstack([by_entity, by_template])
    left = scores - design @ np.linalg.lstsq(design.astype(float), scores, rcond=None)[0]
    rest = left @ left / (17 - 6 - 4 + 1) / 17
    groups = [np.unique(names, return_inverse=True)[1] for names in (ids, wordings)]
    parts = [clustered(scores, group) for group in groups]
    assert variance_of_mean(scores, Clusters.of(ids, wordings)).value == pytest.approx(
        max(rest / 2, sum(parts) - rest), rel=1e-9
    )


def clustered(scores: np.ndarray, groups: np.ndarray) -> float:
    """statsmodels: a regression on a constant; its correction is k / (k - 1), as there is one coefficient."""
    fit = sm.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    return float(fit.bse[0]) ** 2


def test_the_variance_over_entities_is_the_clustered_one_of_statsmodels():
    """Entities have unequal numbers of rows."""
    ids = list("aaabbcccddddde")
    scores = np.random.default_rng(0).normal(size=len(ids))
    found = variance_of_mean(scores, Clusters.of(ids))
    assert found.value == pytest.approx(clustered(scores, np.unique(ids, return_inverse=True)[1]), rel=1e-9)


def test_templates_that_matter_widen_the_variance_and_one_that_does_all_has_few_degrees_of_freedom():
    entity_ids, template_ids = crossed(30, 20)
    one_wording = np.array([float(template == "t0") for template in template_ids])
    alone = variance_of_mean(one_wording, Clusters.of(entity_ids))
    both = variance_of_mean(one_wording, Clusters.of(entity_ids, template_ids))
    assert alone.value == 0
    assert both.value == pytest.approx(0.05 * 0.95 / 19, rel=1e-9)
    assert 2 < both.freedom < 3


def test_without_effects_the_variance_is_on_average_that_of_independent_rows():
    """To count what single rows add twice, or to keep only what raises the variance, would make it a fifth more."""
    clusters = Clusters.of(*crossed(30, 20))
    draw = np.random.default_rng(0)
    found = [variance_of_mean(draw.normal(size=600), clusters) for _ in range(400)]
    assert np.mean([variance.value for variance in found]) == pytest.approx(1 / 600, rel=0.05)


def test_a_variance_needs_a_quarter_of_the_templates_and_at_least_three_to_vary():
    def vary(templates: int, right: int) -> bool:
        scores = np.array([float(t < right) for _ in range(30) for t in range(templates)])
        return Clusters.of(*crossed(30, templates)).vary(scores, 0, 2)

    assert [vary(20, 4), vary(20, 5), vary(10, 2), vary(10, 3), vary(4, 2), vary(4, 3)] == [False, True] * 3


def test_templates_that_cannot_be_told_from_entities_do_not_count():
    ids = [f"e{row % 5}" for row in range(10)]
    assert Clusters.of(ids, [f"t{row}" for row in range(10)]).unit == "entities"
    assert Clusters.of(ids, ["t"] * 10).unit == "entities"
    assert Clusters.of(ids, [f"t{row // 5}" for row in range(10)]).unit == "entities-and-templates"


def test_the_t_interval_and_its_test_are_those_of_scipy():
    """Where every entity has one row, over entities, and normal scores: the one-sample t test."""
    scores = np.linspace(-0.4, 1, 12)
    clusters = Clusters.of([f"e{row:02d}" for row in range(12)])
    expected = stats.ttest_1samp(scores, 0)
    assert t_interval(scores, clusters) == pytest.approx(expected.confidence_interval(), rel=1e-9)
    assert t_test(scores.mean(), variance_of_mean(scores, clusters)) == pytest.approx(expected.pvalue, rel=1e-9)
    assert t_test(1.96, Variance(1.0, math.inf)) == pytest.approx(0.05, abs=1e-4)
