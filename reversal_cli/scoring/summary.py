"""Scored rows -> n, entities, templates, and the mean of every metric with its interval."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from reversal_cli.scoring import METRICS
from reversal_cli.scoring.results import MetricScore, SubtaskScores
from reversal_cli.statistics.clusters import Clusters
from reversal_cli.statistics.estimate import estimate
from reversal_cli.statistics.interval_units import Unit


class Scored(Protocol):
    """A row with its scores: a prediction, or what a floor gives."""

    @property
    def entity_id(self) -> str: ...
    @property
    def template_id(self) -> str: ...
    @property
    def scores(self) -> Mapping[str, float | None]:
        """Metric -> score in [0, 1]."""


def summarize(rows: Sequence[Scored], intervals: Unit = "entities-and-templates") -> SubtaskScores:
    """n, entities, templates, and mean, low and high of every metric that the rows have, in the order of `METRICS`.

    A metric that some row lacks is left out: its mean would be over other prompts.

    `templates` is None where the rows do not say them. `intervals` is what the intervals really are over: entities
    alone where templates are not known, or cannot be told from entities.
    """
    entity_ids = [row.entity_id for row in rows]
    known = templates_of(rows)
    wanted = known if intervals == "entities-and-templates" else None
    scores = {name: [score for row in rows if (score := row.scores.get(name)) is not None] for name in METRICS}
    estimates = {name: estimate(of, entity_ids, wanted) for name, of in scores.items() if len(of) == len(rows)}
    return SubtaskScores(
        n=len(rows),
        entities=len(set(entity_ids)),
        templates=len(set(known)) if known else None,
        intervals=Clusters.of(entity_ids, wanted).unit,
        metrics={name: MetricScore(mean=e.mean, low=e.low, high=e.high) for name, e in estimates.items()},
    )


def templates_of(rows: Sequence[Scored]) -> list[str] | None:
    """The template id of each row; None where some row has none."""
    ids = [row.template_id for row in rows]
    return ids if all(ids) else None
