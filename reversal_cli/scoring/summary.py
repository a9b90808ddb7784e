"""Scored rows -> n, entities, and the mean of every metric with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from reversal_cli.scoring import METRICS
from reversal_cli.scoring.estimate import estimate


def summarize(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """n, entities, and mean, low and high of every metric that the records have, in the order of `METRICS`.

    A record holds `entity_id` and `scores` (metric -> score in [0, 1]). A metric that some record lacks is left out:
    its mean would be over other prompts.
    """
    entity_ids = [record["entity_id"] for record in records]
    measured = [name for name in METRICS if all(name in record["scores"] for record in records)]
    estimates = {name: estimate([record["scores"][name] for record in records], entity_ids) for name in measured}
    return {
        "n": len(records),
        "entities": len(set(entity_ids)),
        "metrics": {name: {"mean": e.mean, "low": e.low, "high": e.high} for name, e in estimates.items()},
    }
