"""BLEU over characters against hand-computed values and a slow reference; sacreBLEU wrappers."""

import math
import random
import sys

import pytest

from reversal_cli.scoring.overlap import bleu, bleu_char, chrf


def slow_bleu_char(completion: str, target: str) -> float:
    """Papineni et al. 2002 by deletion: each matched n-gram of the target is used up once."""
    if not completion:
        return 0.0
    product = 1.0
    for order in (1, 2, 3, 4):
        available = [target[i : i + order] for i in range(len(target) - order + 1)]
        candidates = [completion[i : i + order] for i in range(len(completion) - order + 1)]
        matches = 0
        for candidate in candidates:
            if candidate in available:
                available.remove(candidate)
                matches += 1
        if order == 1 and matches == 0:
            return 0.0
        precision = matches / max(1, len(candidates)) or sys.float_info.min
        product *= precision**0.25
    short = len(completion) < len(target)
    return product * (math.exp(1 - len(target) / len(completion)) if short else 1.0)


@pytest.mark.parametrize(
    ("completion", "target", "expected"),
    [
        ("abcde", "abcde", 1.0),
        # Precisions 4/4, 3/3, 2/2, 1/1 and five characters expected.
        ("abcd", "abcde", math.exp(1 - 5 / 4)),
        # Precisions 5/6, 4/5, 3/4, 2/3; their product is 1/3; not shorter.
        ("abcdeX", "abcde", (1 / 3) ** 0.25),
        # Clipping: one of two `a`. Precisions 5/6, 4/5, 3/4, 2/3 again.
        ("aabcde", "abcde", (1 / 3) ** 0.25),
        ("xyz", "abcde", 0.0),
        ("", "abcde", 0.0),
        # Outer white space counts, as in the published code.
        (" abcdef", " abcdef", 1.0),
        ("abcde", " abcde", math.exp(1 - 6 / 5)),
        (" abcde", "abcde", (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25),
    ],
)
def test_bleu_char_equals_the_value_computed_by_hand(completion, target, expected):
    assert bleu_char(completion, target) == pytest.approx(expected, rel=1e-12)


def test_bleu_char_without_a_common_4gram_is_zero_to_seventy_digits():
    """Precisions 4/5, 2/4, 1/3 and the smallest float."""
    expected = (4 / 5 * 2 / 4 * 1 / 3) ** 0.25 * sys.float_info.min**0.25
    assert bleu_char("abcXd", "abcYd") == pytest.approx(expected, rel=1e-9)
    assert bleu_char("abcXd", "abcYd") < 1e-70


def test_bleu_char_equals_a_slow_loop_on_random_texts():
    generator = random.Random(0)
    for _ in range(500):
        completion, target = ("".join(generator.choices("abc", k=generator.randint(1, 14))) for _ in range(2))
        assert bleu_char(completion, target) == pytest.approx(slow_bleu_char(completion, target), rel=1e-9)


def test_bleu_counts_words():
    """Precisions 3/4, 2/3, 1/2, and for 4-grams 0/1 smoothed to 1/2; equal lengths."""
    assert bleu("the cat sat here", "the cat sat there") == pytest.approx((3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** 0.25)


def test_a_one_word_name_can_reach_full_bleu():
    assert bleu("Clara", "Clara") == 1


def test_chrf_of_one_character_in_common_equals_the_value_computed_by_hand():
    """`ab` for `ac`: unigrams 1 of 2 on both sides, bigrams 0 of 1; F2 of the mean precision and recall, both 1/4."""
    assert chrf("ab", "ac") == pytest.approx(0.25)
