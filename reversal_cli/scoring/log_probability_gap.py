"""How much likelier the right answer is than another entity's: the log-probability test of Berglund et al.

They compare the log-probabilities of right and of random names (arXiv 2309.12288) by a t-test and a Kolmogorov-Smirnov
test over prompts. The ten prompts of an entity are not independent, so our tests are over the means of entities; those
over rows are kept, as in the paper.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from reversal_cli.scoring.estimate import bootstrap_interval, sum_by_entity

ROUNDING = 1e-9
"""Nats; gaps that differ by less are equal."""


class Pair(NamedTuple):
    """One row."""

    entity_id: str
    log_probability: float
    """Of the right answer."""
    other_log_probability: float
    """Of the other entity's."""


def log_probability_gap(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The section of that name in metrics.json: mean gap in nats, 95 % interval over entities, and tests.

    A number that is not defined (an interval or a test of one entity, a t-test of gaps that are all equal) is None.
    Raises ValueError without pairs.
    """
    entity_ids, right, other = zip(*pairs, strict=True)
    right_sums, counts = sum_by_entity(right, entity_ids)
    right_means, other_means = right_sums / counts, sum_by_entity(other, entity_ids)[0] / counts
    gaps = right_means - other_means
    # Of one entity every resample is that entity: an interval without width.
    interval = bootstrap_interval(gaps, np.ones_like(counts)) if len(gaps) > 1 else None
    return {
        "entities": len(gaps),
        "mean": float(gaps.mean()),
        "low": interval and interval.low,
        "high": interval and interval.high,
        **tests(right_means, other_means),
        "rows": {"n": len(pairs), "mean": float(np.subtract(right, other).mean()), **tests(right, other)},
    }


def tests(right: Sequence[float], other: Sequence[float]) -> dict[str, dict[str, float | None]]:
    """Paired t-test (do the means differ?) and two-sample Kolmogorov-Smirnov test (do the distributions?), two-sided.

    right[i] is paired with other[i].
    """
    undefined = {"statistic": None, "p": None}
    if len(right) < 2:
        return {"paired_t": undefined, "ks": undefined}
    from scipy import stats  # half a second to import

    def reported(result: Any) -> dict[str, float | None]:
        return {"statistic": float(result.statistic), "p": float(result.pvalue)}

    varied = np.ptp(np.subtract(right, other)) > ROUNDING
    return {
        "paired_t": reported(stats.ttest_rel(right, other)) if varied else undefined,
        "ks": reported(stats.ks_2samp(right, other)),
    }
