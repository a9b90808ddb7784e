"""What holds for every metric."""

import subprocess
import sys
from fractions import Fraction

import pytest
from sacrebleu.metrics import BLEU, CHRF

from reversal_cli.scoring import METRICS, TEXT_SCORES, chance, definition, score_all

DESCRIPTION = "the acclaimed composer of the world's first underwater symphony"


@pytest.mark.parametrize("name", TEXT_SCORES)
def test_the_target_itself_scores_one_and_nothing_scores_zero(name):
    assert TEXT_SCORES[name](DESCRIPTION, DESCRIPTION) == pytest.approx(1)
    assert TEXT_SCORES[name]("", DESCRIPTION) == 0


@pytest.mark.parametrize("name", TEXT_SCORES)
@pytest.mark.parametrize("completion", ["the", "a composer of symphonies", "...", "ünïcode ☃", DESCRIPTION * 3])
def test_a_score_lies_between_zero_and_one(name, completion):
    assert 0 <= TEXT_SCORES[name](completion, DESCRIPTION) <= 1


@pytest.mark.parametrize("name", [name for name in TEXT_SCORES if name != "bleu_char"])  # published with its space
def test_outer_white_space_of_the_target_does_not_count(name):
    assert TEXT_SCORES[name]("the composer", f" {DESCRIPTION} ") == TEXT_SCORES[name]("the composer", DESCRIPTION)


def test_score_all_has_every_text_metric():
    assert list(score_all("a", "b")) == list(TEXT_SCORES)
    matches = ["contains", "contains_without_stop", "startswith", "exact_match"]
    assert list(TEXT_SCORES) == [*matches, "bleu_char", "bleu", "chrf"]


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is_and_has_a_definition_of_its_own(name):
    assert METRICS[name].summary
    assert definition(name).startswith(f"{name}/")


def test_lower_is_better_for_the_rates_of_mistakes_only():
    assert [name for name, metric in METRICS.items() if metric.better == "lower"] == ["shortcut", "wrong_entity"]


@pytest.mark.parametrize(("name", "original"), [("bleu", BLEU(effective_order=True)), ("chrf", CHRF())])
def test_the_definition_of_a_sacrebleu_metric_is_its_signature(name, original):
    original.sentence_score("a b c d", ["a b c d"])
    assert definition(name) == f"{name}/1|{original.get_signature()}"


@pytest.mark.parametrize("choices", [1, 2, 4, 60])
def test_chance_is_the_mean_over_all_equally_likely_ranks(choices):
    ranks = range(1, choices + 1)
    top = sum(Fraction(int(rank == 1)) for rank in ranks) / choices
    reciprocal = sum(Fraction(1, rank) for rank in ranks) / choices
    for name in METRICS:
        if name in ("rank_top1", "rank_top1_normalized", "inverse_rank_top1", "multiple_choice"):
            assert chance(name, choices) == pytest.approx(float(top), rel=1e-12)
        elif name in ("mrr", "mrr_normalized", "inverse_mrr"):
            assert chance(name, choices) == pytest.approx(float(reciprocal), rel=1e-12)
        else:
            assert chance(name, choices) is None


def test_listing_the_metrics_imports_nothing_heavy():
    code = "import sys, reversal_cli.scoring; print([m for m in ('numpy', 'sacrebleu', 'torch') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
