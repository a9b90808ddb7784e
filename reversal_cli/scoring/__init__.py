"""The metrics. A new one is one function and one line here. Nothing heavy is imported until a score is computed."""

from collections.abc import Callable
from dataclasses import dataclass

from reversal_cli.scoring.matching import contains, exact_match, startswith
from reversal_cli.scoring.overlap import bleu, bleu_char, chrf


@dataclass(frozen=True, slots=True)
class Metric:
    """How one completion is scored."""

    score: Callable[[str, str], float]
    """(completion, target) -> score in [0, 1]"""
    summary: str
    """One line for `reversal list` and for the line under a table."""


METRICS: dict[str, Metric] = {
    "contains": Metric(contains, "the target occurs in the completion, case ignored (the EM of Lv et al.)"),
    "startswith": Metric(startswith, "the completion starts with the target, case ignored (Berglund et al.)"),
    "exact_match": Metric(
        exact_match, "the whole completion is the target; case, spaces and outer punctuation ignored"
    ),
    "bleu_char": Metric(bleu_char, "BLEU-4 over characters, unsmoothed (the BLEU of Lv et al.)"),
    "bleu": Metric(bleu, "sacreBLEU sentence BLEU over words, effective order"),
    "chrf": Metric(chrf, "sacreBLEU chrF2: F-score of character 1- to 6-grams"),
}
"""Metric -> how it is computed. `contains` comes first: it is the default of every table."""


def score_all(completion: str, target: str) -> dict[str, float]:
    """Every metric of one completion."""
    return {name: metric.score(completion, target) for name, metric in METRICS.items()}
