"""The variance of a mean over other samples of entities and of templates.

The prompts of an entity share a fact and those of a template share its words, so they are not independent. Every
template occurs with every entity: the two are crossed, and their variances add (Cameron, Gelbach and Miller 2011,
J. Bus. Econ. Stat. 29, 238-249; Owen 2007, Ann. Appl. Stat. 1, 386-411).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reversal_cli.statistics.interval_units import Unit

SWEEPS = 100
"""The most alternating fits of entity and template effects; one is exact if no example is missing."""
ROUNDING = 1e-12
"""The fit ends if no effect changes by more; a smaller sum of squares counts as 0."""
MIN_VARIED = 3
"""The estimated variance counts only if k entities and k templates have a success, and as many a failure: k is a
quarter of the number of entities or of templates, whichever is smaller, and at least this. See `estimate`."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """The entity and the template of each example."""

    entity_of_example: np.ndarray
    """int64 [examples], counted from 0."""
    template_of_example: np.ndarray | None
    """int64 [examples]; None if templates are unknown, are not to count, or cannot be distinguished from entities."""

    @classmethod
    def of(cls, entity_ids: Sequence[str], template_ids: Sequence[str] | None = None) -> "Clusters":
        """Clusters from ids, one per example.

        Templates count if there are at least two entities, two templates, and more examples than a fit of entity and
        template effects has parameters. Otherwise (such as a template per example) nothing is left for the variance of
        single examples.
        """
        entity_of_example = _numbered(entity_ids)
        if template_ids is None:
            return cls(entity_of_example, None)
        template_of_example = _numbered(template_ids)
        entities, templates = entity_of_example.max() + 1, template_of_example.max() + 1
        crossed = min(entities, templates) > 1 and len(entity_of_example) >= entities + templates
        return cls(entity_of_example, template_of_example if crossed else None)

    @property
    def unit(self) -> Unit:
        """What an interval is over."""
        return "entities" if self.template_of_example is None else "entities-and-templates"

    @property
    def kinds(self) -> list[np.ndarray]:
        """The cluster of each example, int64 [examples]: by entity and, if templates count, by template."""
        return [kind for kind in (self.entity_of_example, self.template_of_example) if kind is not None]

    @property
    def fewest(self) -> int:
        """Number of entities, or of templates if these are fewer."""
        return min(int(cluster_of_example.max()) + 1 for cluster_of_example in self.kinds)

    def entity_means(self, values: Sequence[float]) -> np.ndarray:
        """float64 [entities], from values [examples]."""
        return np.bincount(self.entity_of_example, weights=values) / np.bincount(self.entity_of_example)

    def vary(self, values: np.ndarray, low: float, high: float) -> bool:
        """Whether enough entities and templates have means above `low`, and enough below `high`: see `MIN_VARIED`."""
        counts = []
        for cluster_of_example in self.kinds:
            means = np.bincount(cluster_of_example, weights=values) / np.bincount(cluster_of_example)
            counts += [np.count_nonzero(means > low), np.count_nonzero(means < high)]
        return bool(min(counts) >= max(MIN_VARIED, self.fewest / 4))


class Interval(NamedTuple):
    low: float
    high: float


class Variance(NamedTuple):
    """The variance of a mean over examples."""

    value: float
    freedom: float
    """Degrees of freedom, for Student's t."""


def variance_of_mean(values: np.ndarray, clusters: Clusters) -> Variance:
    """The variance of the mean of values float64 [examples]; needs at least two entities.

    With both kinds of clusters it is entities + templates - examples: the variance of single examples is part of both
    former terms (Cameron, Gelbach and Miller, equation 2.13; the last term is from an additive fit, which is unbiased,
    while theirs is so only for many clusters). It is at least half of the last term: a higher bound, such as that term
    or the larger of the others, would make intervals a tenth too wide if neither entities nor templates matter. Degrees
    of freedom after Satterthwaite (1946, Biometrics Bull. 2, 110-114), for a variance of at least the last term, as the
    true variance is.
    """
    parts = [_one_way(values, cluster_of_example) for cluster_of_example in clusters.kinds]
    if clusters.template_of_example is None:
        return parts[0]
    rest = _rest(values, clusters.entity_of_example, clusters.template_of_example)
    value = max(rest.value / 2, sum(part.value for part in parts) - rest.value)
    if value == 0:
        return Variance(0.0, float(clusters.fewest - 1))
    spread = sum(part.value**2 / part.freedom for part in (*parts, rest))
    return Variance(value, max(value, rest.value) ** 2 / spread)


def t_interval(values: np.ndarray, clusters: Clusters) -> Interval:
    """95 % interval of the mean of values float64 [examples] without bounds; needs at least two entities."""
    variance, mean = variance_of_mean(values, clusters), float(values.mean())
    half_width = t_quantile(0.975, variance.freedom) * math.sqrt(variance.value)
    return Interval(mean - half_width, mean + half_width)


def t_quantile(share: float, freedom: float) -> float:
    """The quantile of Student's t at probability `share`."""
    from scipy.special import stdtrit  # a third of a second to import

    return float(stdtrit(freedom, share))


def t_test(difference: float, variance: Variance) -> float:
    """Two-sided p of "no difference"; 0.05 if the interval with the same variance ends at 0."""
    from scipy.special import stdtr

    return float(2 * stdtr(variance.freedom, -abs(difference) / math.sqrt(variance.value)))


def _one_way(values: np.ndarray, cluster_of_example: np.ndarray) -> Variance:
    """The variance from clusters of one kind, which are independent; examples within a cluster need not be.

    A few clusters that differ from all others show less about the variance than many that differ a little. So the
    degrees of freedom are 2 k / (kurtosis - 1), from the variance of the variance of k values, and at most k - 1, which
    is about the same for normal values.
    """
    sums = np.bincount(cluster_of_example, weights=values - values.mean())
    clusters, square = len(sums), float(sums @ sums)
    value = clusters / (clusters - 1) * square / len(values) ** 2
    if square < ROUNDING:
        return Variance(0.0, clusters - 1.0)
    kurtosis = clusters * float((sums**2) @ (sums**2)) / square**2
    freedom = clusters - 1.0
    return Variance(value, min(freedom, 2 * clusters / (kurtosis - 1)) if kurtosis > 1 else freedom)


def _rest(values: np.ndarray, *kinds: np.ndarray) -> Variance:
    """The variance from single examples: the residual mean square of an additive fit, over the number of examples."""
    residuals = values - values.mean()
    for _ in range(SWEEPS):
        largest = 0.0
        for cluster_of_example in kinds:
            effects = np.bincount(cluster_of_example, weights=residuals) / np.bincount(cluster_of_example)
            residuals = residuals - effects[cluster_of_example]
            largest = max(largest, float(np.abs(effects).max()))
        if largest < ROUNDING:
            break
    freedom = len(values) - sum(int(cluster_of_example.max()) + 1 for cluster_of_example in kinds) + 1
    square = float(residuals @ residuals)
    return Variance(0.0 if square < ROUNDING else square / freedom / len(values), freedom)


def _numbered(ids: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(ids), return_inverse=True)[1]
