"""Mean score with a 95 % interval over entities and templates.

The prompts of an entity share one fact and those of a template share its words, so they are not independent: 600 rows
of 30 entities and 20 templates carry the information of 20 to 60. An interval over rows would be several times too
narrow (Miller 2024, arXiv 2411.00640, section 2.2), and one over entities alone says nothing of other templates.

The interval is Wilson's, with the number of independent rows that has the variance found (Korn and Graubard 1998,
Surv. Methodol. 24, 193-201, do so with an exact interval) and Student's t for the normal. It was chosen by simulation,
whether templates, entities, both or neither matter: with 30 entities and 20 templates it covers means from 0.1 to 0.9
94 to 96 times of 100, with 10 templates 93 to 98 times, and 0.02 and 0.98 96 to 99 times. Where ten templates decide
nearly everything, the pigeonhole bootstrap and mean +- t standard errors fall to 83 and 78 at 0.1 and to 68 and 54 at
0.02, the log odds to 87 at 0.1, and a bootstrap over entities to 28. results/published/interval-coverage.md has the
table, experiments/interval-coverage.py makes it.
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
    """A mean score and how sure we can be of it, all in [0, 1]."""

    mean: float
    """Over rows."""
    low: float
    high: float
    n: int
    """Rows."""
    entities: int
    unit: Unit
    """What the interval is over."""


def estimate(scores: Sequence[float], entity_ids: Sequence[str], template_ids: Sequence[str] | None = None) -> Estimate:
    """The mean of `scores` (one per row) with its 95 % interval; the same input gives the same interval.

    template_ids: of each row; None makes an interval over entities alone, and so do templates that cannot be told from
    entities (`Clusters.of`).

    A variance cannot show what the sample does not contain: with no success at all it is 0. So where fewer than a
    quarter of the entities or templates, or fewer than three, have any success, or any failure, or nothing varies, the
    interval is Wilson's as if all rows of an entity (or of a template, where these are fewer) agreed: 0 of 600 rows
    from 30 entities and 20 templates gives [0, 0.16], close to the rule of three (3 / 20). With n = entities it would
    hold 0.02 as often, but 0.15 only 92 times of 100 where ten templates decide nearly everything.
    """
    if not scores or len(scores) != len(entity_ids):
        raise ValueError(f"{len(scores)} scores for {len(entity_ids)} entity ids")
    values, clusters = np.asarray(scores, dtype=np.float64), Clusters.of(entity_ids, template_ids)
    mean = min(1.0, max(0.0, math.fsum(values) / len(values)))
    interval = score_interval(values, mean, clusters)
    return Estimate(mean, *interval, len(values), int(clusters.entity_of_row.max()) + 1, clusters.unit)


def score_interval(values: np.ndarray, mean: float, clusters: Clusters) -> Interval:
    """95 % interval of the mean of one run's scores, as `estimate` says.

    values: float64 [rows] in [0, 1], `mean` is theirs.
    """
    variance = variance_of_mean(values, clusters) if clusters.vary(values, 0, 1) else None
    if variance is None or variance.value == 0:
        return wilson_interval(mean, clusters.fewest)
    effective_rows = mean * (1 - mean) / variance.value
    return wilson_interval(mean, effective_rows, t_quantile(0.975, variance.freedom))


def wilson_interval(mean: float, n: float, quantile: float = Z) -> Interval:
    """Wilson score interval of a proportion (Wilson 1927). Scores in [0, 1] vary at most as much as 0 and 1 do.

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
    """How an interval over `unit` is made, for the note of a table."""
    fewest = "entities or templates, whichever are fewer" if unit == "entities-and-templates" else "entities"
    return (
        f"over {SHORT_UNITS[unit]}: Wilson interval with the clustered variance, Student's t; with n = {fewest}, where "
        "fewer than a quarter (or three) have a success, or a failure"
    )
