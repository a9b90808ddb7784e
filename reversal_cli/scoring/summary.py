"""Scored examples -> n, entities, templates, and the mean of every metric with its interval."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from reversal_cli.scoring import METRICS
from reversal_cli.scoring.results import MetricScore, SubtaskScores
from reversal_cli.statistics.clusters import Clusters
from reversal_cli.statistics.estimate import estimate
from reversal_cli.statistics.interval_units import Unit


class Scored(Protocol):
    """An example with its scores: a prediction, or an artificial completion of a floor."""

    @property
    def entity_id(self) -> str: ...
    @property
    def template_id(self) -> str: ...
    @property
    def scores(self) -> Mapping[str, float | None]:
        """Metric -> score in [0, 1]."""


def summarize(examples: Sequence[Scored], intervals: Unit = "entities-and-templates") -> SubtaskScores:
    """n, entities, templates, and mean, low and high of every metric that all examples have, in the order of `METRICS`.

    A metric that some example lacks is left out: its mean would be over other prompts.

    In the result, `templates` is None if some example has no template id, and `intervals` is "entities" if templates
    are unknown or cannot be distinguished from entities.
    """
    entity_ids = [example.entity_id for example in examples]
    templates = templates_of(examples)
    interval_templates = templates if intervals == "entities-and-templates" else None
    scores = {name: [score for e in examples if (score := e.scores.get(name)) is not None] for name in METRICS}
    estimates = {
        name: estimate(values, entity_ids, interval_templates)
        for name, values in scores.items()
        if len(values) == len(examples)
    }
    return SubtaskScores(
        n=len(examples),
        entities=len(set(entity_ids)),
        templates=len(set(templates)) if templates else None,
        intervals=Clusters.of(entity_ids, interval_templates).unit,
        metrics={name: MetricScore(mean=e.mean, low=e.low, high=e.high) for name, e in estimates.items()},
    )


def templates_of(examples: Sequence[Scored]) -> list[str] | None:
    """The template id of each example; None if some example has none."""
    ids = [example.template_id for example in examples]
    return ids if all(ids) else None
