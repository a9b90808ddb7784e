"""Bayes inversion: the reversed question answered from the forward rankings of a run.

The rankings of N2D say how likely each description is after each name. Read the other way, down a column, they say for
which name a description is likelier than the others are: an answer to "who is the composer of X?" from what the model
learned as "Mei Tobin is ...". It needs no reverse training. So it separates a fact that is not stored from one that is
stored, but under the other key. The candidates are the entities of the subtask: a closed set, an easier question.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from reversal_cli.scoring.ranking import rank


class RankedPrompt(NamedTuple):
    """A prompt about an entity, with the log-probability of every entity's answer."""

    entity_id: str
    template_id: str
    log_probabilities: Mapping[str, float]
    """Entity -> of its answer. An entity whose answer reads as the right one is left out."""


def inverse_ranks(prompts: Sequence[RankedPrompt]) -> list[int]:
    """For each prompt the rank of its entity among all that the subtask asks about in the same template: of how much
    likelier its answer is after the prompt about it than the answers of all entities together. Ties count against it.
    """
    by_template: dict[str, dict[str, RankedPrompt]] = defaultdict(dict)
    for prompt in prompts:
        by_template[prompt.template_id][prompt.entity_id] = prompt
    totals = {
        template: {entity: _log_sum(prompt.log_probabilities.values()) for entity, prompt in of_template.items()}
        for template, of_template in by_template.items()
    }
    return [
        _inverse_rank(prompt.entity_id, by_template[prompt.template_id], totals[prompt.template_id])
        for prompt in prompts
    ]


def _inverse_rank(entity: str, prompts: Mapping[str, RankedPrompt], totals: Mapping[str, float]) -> int:
    """Of an entity, given the prompts about all of them in one template, and of each the answers' log-sum."""
    scores = []
    for asked, prompt in prompts.items():
        logs = prompt.log_probabilities
        scores.append(logs.get(entity, logs[asked]) - totals[asked])
    return rank(scores, list(prompts).index(entity))


def _log_sum(logs: Collection[float]) -> float:
    """log(exp(a) + exp(b) + ...)"""
    largest = max(logs)
    return largest + math.log(math.fsum(math.exp(value - largest) for value in logs))
