"""The gap between right and other answers: means, interval and tests."""

import itertools
import json
import math

import numpy as np
import pytest
from scipy import stats

from reversal_cli.scoring.log_probability_gap import Pair, log_probability_gap

PAIRS = [
    Pair("a", -1.0, -4.0),
    Pair("b", -2.0, -2.5),
    Pair("a", -1.5, -3.0),
    Pair("c", -6.0, -5.0),
    Pair("b", -2.5, -7.0),
    Pair("a", -0.5, -9.0),
    Pair("d", -3.5, -8.0),
]


def by_entity(pairs: list[Pair]) -> tuple[list[float], list[float]]:
    """The means of right and of other answers of each entity."""
    right, other = [], []
    for entity in sorted({pair.entity_id for pair in pairs}):
        own = [pair for pair in pairs if pair.entity_id == entity]
        right.append(sum(pair.log_probability for pair in own) / len(own))
        other.append(sum(pair.other_log_probability for pair in own) / len(own))
    return right, other


def t_test(right: list[float], other: list[float]) -> tuple[float, float]:
    gaps = [one - two for one, two in zip(right, other, strict=True)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
    t = mean / math.sqrt(variance / len(gaps))
    return t, 2 * float(stats.t.sf(abs(t), len(gaps) - 1))


def largest_distance(right: list[float], other: list[float]) -> float:
    """Between the two empirical distribution functions."""
    distances = [
        abs(sum(x <= point for x in right) / len(right) - sum(x <= point for x in other) / len(other))
        for point in [*right, *other]
    ]
    return max(distances)


def ks_test(right: list[float], other: list[float]) -> tuple[float, float]:
    """Exact: the share of all ways to split the values into two samples that have a distance as large."""
    found = largest_distance(right, other)
    everything = [*right, *other]
    as_large = []
    for chosen in itertools.combinations(range(len(everything)), len(right)):
        first = [everything[i] for i in chosen]
        second = [everything[i] for i in range(len(everything)) if i not in chosen]
        as_large.append(largest_distance(first, second) >= found - 1e-12)
    return found, sum(as_large) / len(as_large)


def values(test: dict[str, float]) -> list[float]:
    return [test["statistic"], test["p"]]


def test_tests_over_entities_equal_slow_loops():
    section = log_probability_gap(PAIRS)
    right, other = by_entity(PAIRS)
    gaps = [one - two for one, two in zip(right, other, strict=True)]
    assert section["entities"] == len(gaps) == 4
    assert values(section["paired_t"]) == pytest.approx(t_test(right, other), rel=1e-9)
    assert values(section["ks"]) == pytest.approx(ks_test(right, other), rel=1e-9)


def test_mean_and_tests_over_rows_equal_slow_loops():
    rows = log_probability_gap(PAIRS)["rows"]
    _, right, other, _ = zip(*PAIRS, strict=True)
    assert rows["n"] == 7
    assert (
        rows["mean"]
        == log_probability_gap(PAIRS)["mean"]
        == pytest.approx(sum(a - b for a, b in zip(right, other, strict=True)) / 7, rel=1e-12)
    )
    assert values(rows["paired_t"]) == pytest.approx(t_test(right, other), rel=1e-9)
    assert values(rows["ks"]) == pytest.approx(ks_test(right, other), rel=1e-9)


def test_the_interval_is_that_of_students_t_with_the_clustered_variance():
    gaps = np.array([pair.log_probability - pair.other_log_probability for pair in PAIRS])
    sums = [
        sum(gap - gaps.mean() for gap, pair in zip(gaps, PAIRS, strict=True) if pair.entity_id == e) for e in "abcd"
    ]
    error = math.sqrt(4 / 3 * sum(total**2 for total in sums)) / 7
    kurtosis = 4 * sum(total**4 for total in sums) / sum(total**2 for total in sums) ** 2
    half = error * stats.t.ppf(0.975, min(3, 8 / (kurtosis - 1)))
    section = log_probability_gap(PAIRS)
    assert [section["low"], section["high"]] == pytest.approx([gaps.mean() - half, gaps.mean() + half], rel=1e-9)
    assert section["intervals"] == "entities"


def test_a_gap_that_depends_on_the_template_is_less_certain_over_both():
    def pairs(named: bool) -> list[Pair]:
        cells = [(entity, template) for entity in range(8) for template in range(4)]
        return [Pair(f"e{e}", -1.0 - 0.01 * e * t, -2.0 - t, f"t{t}" if named else "") for e, t in cells]

    both, alone = log_probability_gap(pairs(True)), log_probability_gap(pairs(False))
    assert (both["intervals"], alone["intervals"]) == ("entities-and-templates", "entities")
    assert both["mean"] == alone["mean"]
    assert both["high"] - both["low"] > 5 * (alone["high"] - alone["low"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("entities", [2, 4])
def test_a_gap_that_differs_between_rows_only_has_a_wide_interval_that_is_json(entities):
    """A checkerboard: the means of all entities and of all templates are equal."""
    cells = [(entity, template) for entity in range(entities) for template in range(2)]
    section = log_probability_gap([Pair(f"e{e}", -1.0 - (e + t) % 2, -3.0, f"t{t}") for e, t in cells])
    assert section["intervals"] == "entities-and-templates"
    assert section["low"] < section["mean"] == 1.5 < section["high"]  # what rows add stays
    assert json.loads(json.dumps(section, allow_nan=False)) == section


def test_the_order_of_rows_does_not_matter():
    section, backwards = log_probability_gap(PAIRS), log_probability_gap(PAIRS[::-1])
    assert section["mean"] == pytest.approx(backwards["mean"], rel=1e-12)
    assert values(section["paired_t"]) == pytest.approx(values(backwards["paired_t"]), rel=1e-12)


def test_one_entity_has_neither_interval_nor_test():
    section = log_probability_gap([Pair("a", -1.0, -4.0), Pair("a", -2.0, -4.0)])
    assert (section["entities"], section["mean"], section["low"], section["high"]) == (1, 2.5, None, None)
    assert values(section["paired_t"]) == values(section["ks"]) == [None, None]
    assert section["rows"]["paired_t"]["p"] is not None
    assert values(log_probability_gap([Pair("a", -1.0, -4.0)])["rows"]["ks"]) == [None, None]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_equal_gaps_have_no_t_test_and_everything_is_json(gap):
    pairs = [Pair(f"e{index}", -0.3 * index, -0.3 * index - gap) for index in range(9)]
    section = log_probability_gap(pairs)
    assert values(section["paired_t"]) == [None, None]
    assert 0 < section["ks"]["p"] <= 1
    assert json.loads(json.dumps(section, allow_nan=False)) == section
