"""The metrics. A new one is a function and a line here. Heavy libraries are imported when a score is computed."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

from reversal_cli.scoring.matching import contains, contains_without_stop, exact_match, startswith
from reversal_cli.scoring.overlap import bleu, bleu_char, chrf

Score = Callable[[str, str], float]
"""(completion, target) -> score in [0, 1]; both may begin with the space that joins them to the prompt."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of single predictions."""

    summary: str
    """One line for `reversal list` and for the line under a table."""
    definition: str
    """Id that changes whenever the same prediction may get another score; `definition()` adds the sacreBLEU version."""
    score: Score | None = None
    """None for metrics that need more than a completion and its target: see `entities` and `likelihood_scores`."""
    better: Literal["higher", "lower"] = "higher"
    binary: bool = True
    """A prediction scores 0 or 1, so that a mean is a share of the prompts; False: how alike, or how near the top."""

    @property
    def is_accuracy(self) -> bool:
        """Its mean is the share of the prompts that were answered right."""
        return self.binary and self.better == "higher"


METRICS: dict[str, Metric] = {
    "contains": Metric(
        "the target occurs in the completion, case ignored (the EM of Lv et al.)", "contains/1", contains
    ),
    "contains_without_stop": Metric(
        "contains, without the full stop at the target's end", "contains_without_stop/1", contains_without_stop
    ),
    "startswith": Metric(
        "the completion starts with the target, case ignored (Berglund et al.)", "startswith/1", startswith
    ),
    "exact_match": Metric(
        "the whole completion is the target; case, spaces and outer punctuation ignored", "exact_match/1", exact_match
    ),
    "bleu_char": Metric(
        "BLEU-4 over characters, unsmoothed (the BLEU of Lv et al.)", "bleu_char/2", bleu_char, binary=False
    ),
    "bleu": Metric(
        "sacreBLEU sentence BLEU over words, effective order",
        "bleu/1|nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:{sacrebleu}",
        bleu,
        binary=False,
    ),
    "chrf": Metric(
        "sacreBLEU chrF2: F-score of character 1- to 6-grams",
        "chrf/1|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{sacrebleu}",
        chrf,
        binary=False,
    ),
    "shortcut": Metric(
        "the completion repeats the name or the description that it was asked about", "shortcut/1", better="lower"
    ),
    "wrong_entity": Metric(
        "the completion names another entity of the benchmark and not the target", "wrong_entity/1", better="lower"
    ),
    "rank_top1": Metric("the target is more probable than the targets of all other entities", "rank_top1/1"),
    "mrr": Metric("1 / rank of the target by probability among the targets of all entities", "mrr/1", binary=False),
    "rank_top1_normalized": Metric("rank_top1 by mean log-probability per token", "rank_top1_normalized/1"),
    "mrr_normalized": Metric("mrr by mean log-probability per token", "mrr_normalized/1", binary=False),
    "inverse_rank_top1": Metric(
        "by Bayes' rule from these rankings: of all entities asked about, the right one makes the answer likeliest",
        "inverse_rank_top1/1",
    ),
    "inverse_mrr": Metric("1 / rank of that entity", "inverse_mrr/1", binary=False),
    "multiple_choice": Metric("of four lettered options the target's letter is the most probable", "multiple_choice/1"),
}
"""All metrics by name. `contains` comes first: it is the default of every table."""

GAP = "log_probability_gap"
"""Its key in metrics.json; not a metric of single predictions."""
INTERVALS = "intervals"
"""Key in metrics.json for the way intervals are made."""
INTERVALS_DEFINITION = "intervals/3"
"""Id of the way intervals are made today."""

TEXT_SCORES: dict[str, Score] = {name: metric.score for name, metric in METRICS.items() if metric.score is not None}
"""The metrics that need only a completion and its target."""


def score_all(completion: str, target: str) -> dict[str, float]:
    """Every text metric of one completion."""
    return {name: score(completion, target) for name, score in TEXT_SCORES.items()}


def definition(metric: str) -> str:
    """Id of the definition of `metric`; values with different ids cannot be compared.

    >>> definition("contains")
    'contains/1'
    """
    return METRICS[metric].definition.format(sacrebleu=_sacrebleu_version())


def definitions() -> dict[str, str]:
    """The ids of every metric, of the log-probability gap and of the intervals."""
    return {name: definition(name) for name in METRICS} | {
        GAP: "log_probability_gap/2",
        INTERVALS: INTERVALS_DEFINITION,
    }


def chance(metric: str, choices: int) -> float | None:
    """Expected value of a likelihood metric for a random guess among `choices` candidates or options.

    None for every other metric: the score of a random completion depends on the data, see `floors`. A uniformly random
    rank of n has the mean reciprocal (1 + 1/2 + ... + 1/n) / n.

    >>> chance("mrr", 2)
    0.75
    """
    if metric in ("mrr", "mrr_normalized", "inverse_mrr"):
        return sum(1 / rank for rank in range(1, choices + 1)) / choices
    if metric in ("rank_top1", "rank_top1_normalized", "inverse_rank_top1", "multiple_choice"):
        return 1 / choices
    return None


@functools.cache
def _sacrebleu_version() -> str:
    """Read once, since it takes milliseconds: a package's version is in a file that has its README too."""
    return version("sacrebleu")
