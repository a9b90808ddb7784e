"""Mean score with a 95 % interval over entities and templates.

The prompts of an entity share one fact and those of a template share its words, so they are not independent: 600
examples of 30 entities and 20 templates carry the information of 20 to 60. An interval over examples would be several
times too narrow (Miller 2024, arXiv 2411.00640, section 2.2), and one over entities alone ignores other templates.

The interval is Wilson's for the number of independent examples that would have the estimated variance (Korn and
Graubard 1998, Surv. Methodol. 24, 193-201, do so with an exact interval), with Student's t in place of the normal. It
was selected by simulation, for data in which templates, entities, both or neither matter: with 30 entities and 20
templates it covers means from 0.1 to 0.9 94 to 96 times of 100, with 10 templates 93 to 98 times, and 0.02 and 0.98 96
to 99 times; with 100 entities and 20 templates, means from 0.02 on, 92 to 98 times, least at 0.05 and 0.1 where
templates determine nearly everything. If ten templates determine nearly everything, the pigeonhole bootstrap and mean
+- t standard errors fall to 83 and 78 at 0.1 and to 68 and 54 at 0.02, the log odds to 87 at 0.1, and a bootstrap over
entities to 28. The table is results/published/interval-coverage.md, made by experiments/interval-coverage.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reversal_cli.statistics.clusters import Clusters, Interval, t_quantile, variance_of_mean
from reversal_cli.statistics.interval_units import Unit

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""
SHORT_UNITS: dict[str, str] = {"entities-and-templates": "entities and templates", "entities": "entities"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean score and its interval, all in [0, 1]."""

    mean: float
    """Over examples."""
    low: float
    high: float
    n: int
    """Examples."""
    entities: int
    unit: Unit
    """What the interval is over."""


def estimate(scores: Sequence[float], entity_ids: Sequence[str], template_ids: Sequence[str] | None = None) -> Estimate:
    """The mean of `scores` (one per example) with its 95 % interval; the same input gives the same interval.

    template_ids: one per example. Without them, or if they cannot be distinguished from entities (`Clusters.of`), the
    interval is over entities alone.

    An estimated variance misses what the sample does not contain: without any success it is 0. Let k be a quarter of
    the number of entities or of templates, whichever is smaller, and at least three. If fewer than k entities or fewer
    than k templates have a success, or a failure, or if nothing varies, the interval is Wilson's as if all examples of
    an entity (or of a template, if these are fewer) agreed: 0 of 600 examples of 30 entities and 20 templates gives
    [0, 0.16], close to the rule of three (3 / 20). With n = entities it would cover 0.02 as often, but 0.15 only 92
    times of 100 if ten templates determine nearly everything.
    """
    if not scores or len(scores) != len(entity_ids):
        raise ValueError(f"{len(scores)} scores for {len(entity_ids)} entity ids")
    values, clusters = np.asarray(scores, dtype=np.float64), Clusters.of(entity_ids, template_ids)
    if not np.isfinite(values).all():
        raise ValueError("a score is not a number")
    mean = min(1.0, max(0.0, math.fsum(values) / len(values)))
    interval = score_interval(values, mean, clusters)
    return Estimate(mean, *interval, len(values), int(clusters.entity_of_example.max()) + 1, clusters.unit)


def score_interval(values: np.ndarray, mean: float, clusters: Clusters) -> Interval:
    """95 % interval of the mean of one run's scores: see `estimate`.

    values: float64 [examples] in [0, 1]; `mean` is their mean.
    """
    variance = variance_of_mean(values, clusters) if clusters.vary(values, 0, 1) else None
    if variance is None or variance.value == 0:
        return wilson_interval(mean, clusters.fewest)
    effective_n = mean * (1 - mean) / variance.value
    return wilson_interval(mean, effective_n, t_quantile(0.975, variance.freedom))


def wilson_interval(mean: float, n: float, quantile: float = Z) -> Interval:
    """Wilson score interval of a proportion (Wilson 1927). It also holds for scores in [0, 1]: they vary no more.

    >>> round(wilson_interval(0.0, 30).high, 3)
    0.114
    """
    square = quantile**2
    centre = (mean + square / (2 * n)) / (1 + square / n)
    half_width = quantile / (1 + square / n) * math.sqrt(mean * (1 - mean) / n + square / (4 * n**2))
    low = 0.0 if mean == 0 else max(0.0, centre - half_width)
    high = 1.0 if mean == 1 else min(1.0, centre + half_width)
    return Interval(low, high)


def method(unit: str) -> str:
    """How an interval over `unit` is made, in words for the note of a table."""
    fewest = "entities or templates, whichever are fewer" if unit == "entities-and-templates" else "entities"
    return (
        f"over {SHORT_UNITS[unit]}: Wilson interval with the clustered variance, Student's t; with n = {fewest}, where "
        "fewer than a quarter (or three) have a success, or a failure"
    )
