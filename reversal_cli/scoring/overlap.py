"""Metrics of partial overlap, for targets that can be worded in several ways (descriptions)."""

import functools
import math
import sys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU, CHRF

BLEU_ORDER = 4


def bleu_char(completion: str, target: str) -> float:
    """BLEU-4 over characters, the metric behind every published "BLEU" on this benchmark.

    Lv et al. (arXiv 2311.07468) call `nltk.sentence_bleu([target], completion)` with strings, so NLTK iterates over
    characters. The description of a wrong entity scores about 0.16 to 0.19, so 0.2 does not show any knowledge.
    Definition: Papineni et al. 2002, uniform weights, brevity penalty, NLTK's `method0` in place of smoothing: a zero
    precision counts as the smallest float, which makes the score 0 up to the 77th digit.
    White space counts, as published: both texts begin with the space that joins them to the prompt.

    >>> bleu_char(" abcd", " abcd")
    1.0
    """
    precisions = [clipped_precision(completion, target, order) for order in range(1, BLEU_ORDER + 1)]
    if precisions[0] == 0:
        return 0.0
    log_mean = math.fsum(math.log(precision or sys.float_info.min) for precision in precisions) / BLEU_ORDER
    return brevity_penalty(len(completion), len(target)) * math.exp(log_mean)


def clipped_precision(completion: str, target: str, order: int) -> float:
    """Share of the completion's character n-grams that occur in the target, each counted at most as often as there.

    >>> clipped_precision("aab", "ab", 1)
    0.6666666666666666
    """
    counts = ngrams(completion, order)
    matches = counts & ngrams(target, order)
    return matches.total() / max(1, counts.total())


def ngrams(text: str, order: int) -> Counter[str]:
    """Counts of the sequences of `order` characters."""
    return Counter(text[start : start + order] for start in range(len(text) - order + 1))


def brevity_penalty(completion_length: int, target_length: int) -> float:
    """1 for a completion at least as long as the target, exp(1 - target/completion) for a shorter one."""
    if completion_length >= target_length:
        return 1.0
    return math.exp(1 - target_length / completion_length)


def bleu(completion: str, target: str) -> float:
    """sacreBLEU sentence BLEU / 100: 13a tokens, exponential smoothing, effective order (a short name can reach 1)."""
    return min(1.0, _sacrebleu_bleu().sentence_score(completion, [target.strip()]).score / 100)


def chrf(completion: str, target: str) -> float:
    """sacreBLEU sentence chrF2 / 100 (Popović 2015): F-score over character 1- to 6-grams, recall weighted by 2."""
    return min(1.0, _sacrebleu_chrf().sentence_score(completion, [target.strip()]).score / 100)


@functools.cache
def _sacrebleu_bleu() -> "BLEU":
    from sacrebleu.metrics import BLEU

    return BLEU(effective_order=True)


@functools.cache
def _sacrebleu_chrf() -> "CHRF":
    from sacrebleu.metrics import CHRF

    return CHRF()
