"""What holds for every metric."""

import subprocess
import sys

import pytest

from reversal_cli.scoring import METRICS, score_all

DESCRIPTION = "the acclaimed composer of the world's first underwater symphony"


@pytest.mark.parametrize("name", METRICS)
def test_the_target_itself_scores_one_and_nothing_scores_zero(name):
    assert METRICS[name].score(DESCRIPTION, DESCRIPTION) == pytest.approx(1)
    assert METRICS[name].score("", DESCRIPTION) == 0


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("completion", ["the", "a composer of symphonies", "...", "ünïcode ☃", DESCRIPTION * 3])
def test_a_score_lies_between_zero_and_one(name, completion):
    assert 0 <= METRICS[name].score(completion, DESCRIPTION) <= 1


@pytest.mark.parametrize("name", METRICS)
def test_outer_white_space_of_the_target_does_not_count(name):
    assert METRICS[name].score("the composer", f" {DESCRIPTION} ") == METRICS[name].score("the composer", DESCRIPTION)


def test_score_all_has_every_metric():
    assert list(score_all("a", "b")) == list(METRICS)


def test_listing_the_metrics_imports_nothing_heavy():
    code = "import sys, reversal_cli.scoring; print([m for m in ('numpy', 'sacrebleu', 'torch') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
