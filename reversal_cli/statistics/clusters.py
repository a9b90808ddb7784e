"""How much the mean of rows would vary if other entities, and other templates, had been drawn.

The prompts about an entity share a fact and those of a template share its words, so neither are independent. Every
template is asked about every entity: the two are crossed, and their variances add (Cameron, Gelbach and Miller 2011,
J. Bus. Econ. Stat. 29, 238-249; Owen 2007, Ann. Appl. Stat. 1, 386-411).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reversal_cli.statistics.interval_units import Unit

SWEEPS = 100
"""At most so many alternating fits of entity and template effects; where no row is missing, one is exact."""
ROUNDING = 1e-12
"""Effects that change by less are fitted; a sum of squares that is less is none."""
MIN_VARIED = 3
"""Below this many entities (or templates) that are not all right or all wrong, or a quarter of them where that is more,
there is no variance to rely on: the many that agree hide how much others would differ."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which rows belong together."""

    entity_of_row: np.ndarray
    """int64 [rows], counted from 0."""
    template_of_row: np.ndarray | None
    """int64 [rows]; None where templates are not known, not wanted, or cannot be told from entities."""

    @classmethod
    def of(cls, entity_ids: Sequence[str], template_ids: Sequence[str] | None = None) -> "Clusters":
        """Templates count where there are two and more rows than entity and template effects together need.

        In other data (every row with a template of its own) nothing would be left to tell what a single row adds.
        """
        entity_of_row = _numbered(entity_ids)
        if template_ids is None:
            return cls(entity_of_row, None)
        template_of_row = _numbered(template_ids)
        entities, templates = entity_of_row.max() + 1, template_of_row.max() + 1
        crossed = min(entities, templates) > 1 and len(entity_of_row) >= entities + templates
        return cls(entity_of_row, template_of_row if crossed else None)

    @property
    def unit(self) -> Unit:
        return "entities" if self.template_of_row is None else "entities-and-templates"

    @property
    def kinds(self) -> list[np.ndarray]:
        """Cluster of each row, int64 [rows]: by entity and, where they count, by template."""
        return [rows for rows in (self.entity_of_row, self.template_of_row) if rows is not None]

    @property
    def fewest(self) -> int:
        """Entities, or templates where these are fewer."""
        return min(int(cluster_of_row.max()) + 1 for cluster_of_row in self.kinds)

    def entity_means(self, values: Sequence[float]) -> np.ndarray:
        """float64 [entities], of values [rows]."""
        return np.bincount(self.entity_of_row, weights=values) / np.bincount(self.entity_of_row)

    def vary(self, values: np.ndarray, low: float, high: float) -> bool:
        """Whether enough entities, and templates, have means above `low`, and below `high`: see `MIN_VARIED`."""
        counts = []
        for cluster_of_row in self.kinds:
            means = np.bincount(cluster_of_row, weights=values) / np.bincount(cluster_of_row)
            counts += [np.count_nonzero(means > low), np.count_nonzero(means < high)]
        return bool(min(counts) >= max(MIN_VARIED, self.fewest / 4))


class Interval(NamedTuple):
    low: float
    high: float


class Variance(NamedTuple):
    """Of a mean over rows."""

    value: float
    freedom: float
    """Degrees of freedom, for Student's t."""


def variance_of_mean(values: np.ndarray, clusters: Clusters) -> Variance:
    """The variance of the mean of values float64 [rows]; at least two entities.

    With both kinds of clusters it is entities + templates - rows: what a single row adds stands in both of the former
    (Cameron, Gelbach and Miller, equation 2.13; the last term from an additive fit, which is unbiased where theirs is
    only so for many clusters). It is at least half of the last term. To raise it to that term, or to the larger of the
    former, would make intervals a tenth too wide where neither entities nor templates matter. Degrees of freedom after
    Satterthwaite (1946, Biometrics Bull. 2, 110-114), for a variance of no less than the last term, as it truly is.
    """
    parts = [_one_way(values, cluster_of_row) for cluster_of_row in clusters.kinds]
    if clusters.template_of_row is None:
        return parts[0]
    rest = _rest(values, clusters.entity_of_row, clusters.template_of_row)
    value = max(rest.value / 2, sum(part.value for part in parts) - rest.value)
    if value == 0:
        return Variance(0.0, float(clusters.fewest - 1))
    spread = sum(part.value**2 / part.freedom for part in (*parts, rest))
    return Variance(value, max(value, rest.value) ** 2 / spread)


def t_interval(values: np.ndarray, clusters: Clusters) -> Interval:
    """95 % interval of the mean of values float64 [rows] that have no bounds; at least two entities."""
    variance, mean = variance_of_mean(values, clusters), float(values.mean())
    half_width = t_quantile(0.975, variance.freedom) * math.sqrt(variance.value)
    return Interval(mean - half_width, mean + half_width)


def t_quantile(share: float, freedom: float) -> float:
    """The point below which Student's t is with probability `share`."""
    from scipy.special import stdtrit  # a third of a second to import

    return float(stdtrit(freedom, share))


def t_test(difference: float, variance: Variance) -> float:
    """Two-sided p of "no difference"; 0.05 where the interval with the same variance ends at 0."""
    from scipy.special import stdtr

    return float(2 * stdtr(variance.freedom, -abs(difference) / math.sqrt(variance.value)))


def _one_way(values: np.ndarray, cluster_of_row: np.ndarray) -> Variance:
    """Clusters of one kind: independent of each other, whatever the rows within them do.

    A few clusters that differ from all others say less about the variance than many that differ a little: the degrees
    of freedom are 2 k / (kurtosis - 1), which is what the variance of a variance of k values comes to, and at most
    k - 1, which is about the same for normal ones.
    """
    sums = np.bincount(cluster_of_row, weights=values - values.mean())
    clusters, square = len(sums), float(sums @ sums)
    value = clusters / (clusters - 1) * square / len(values) ** 2
    if square < ROUNDING:
        return Variance(0.0, clusters - 1.0)
    kurtosis = clusters * float((sums**2) @ (sums**2)) / square**2
    freedom = clusters - 1.0
    return Variance(value, min(freedom, 2 * clusters / (kurtosis - 1)) if kurtosis > 1 else freedom)


def _rest(values: np.ndarray, *kinds: np.ndarray) -> Variance:
    """What single rows add: the mean square that entity and template effects leave, over the number of rows."""
    left = values - values.mean()
    for _ in range(SWEEPS):
        largest = 0.0
        for cluster_of_row in kinds:
            effects = np.bincount(cluster_of_row, weights=left) / np.bincount(cluster_of_row)
            left = left - effects[cluster_of_row]
            largest = max(largest, float(np.abs(effects).max()))
        if largest < ROUNDING:
            break
    freedom = len(values) - sum(int(cluster_of_row.max()) + 1 for cluster_of_row in kinds) + 1
    square = float(left @ left)
    return Variance(0.0 if square < ROUNDING else square / freedom / len(values), freedom)


def _numbered(ids: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(ids), return_inverse=True)[1]
