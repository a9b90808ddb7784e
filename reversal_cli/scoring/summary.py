"""Scored rows -> n, entities, templates, and the mean of every metric with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from reversal_cli.scoring import METRICS
from reversal_cli.statistics.clusters import Clusters
from reversal_cli.statistics.estimate import estimate
from reversal_cli.statistics.interval_units import Unit


def summarize(records: Sequence[Mapping[str, Any]], intervals: Unit = "entities-and-templates") -> dict[str, Any]:
    """n, entities, templates, and mean, low and high of every metric that the records have, in the order of `METRICS`.

    A record holds `entity_id`, `template_id` and `scores` (metric -> score in [0, 1]). A metric that some record lacks
    is left out: its mean would be over other prompts.

    `templates` is None where the records do not say them. `intervals` is what the intervals really are over: entities
    alone where templates are not known, or cannot be told from entities.
    """
    entity_ids = [record["entity_id"] for record in records]
    known = templates_of(records)
    wanted = known if intervals == "entities-and-templates" else None
    measured = [name for name in METRICS if all(name in record["scores"] for record in records)]
    estimates = {
        name: estimate([record["scores"][name] for record in records], entity_ids, wanted) for name in measured
    }
    return {
        "n": len(records),
        "entities": len(set(entity_ids)),
        "templates": len(set(known)) if known else None,
        "intervals": Clusters.of(entity_ids, wanted).unit,
        "metrics": {name: {"mean": e.mean, "low": e.low, "high": e.high} for name, e in estimates.items()},
    }


def templates_of(records: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """The template id of each record; None where some record has none."""
    ids = [record.get("template_id") for record in records]
    return [template for template in ids if template] if all(ids) else None
