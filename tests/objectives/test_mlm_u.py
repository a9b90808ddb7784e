"""MLM-U: its batch and weights by hand, its rates, and what its loss estimates."""

import numpy as np
import pytest
from test_objectives import FAMILIES, TOKENS, draw, many_rows

from reversal_cli.objectives.base import IGNORE, Row
from reversal_cli.objectives.mlm_u import LARGEST_WEIGHT, MlmU
from reversal_cli.objectives.prompt_layout import Denoising, Unmasking

ROW = Row((1, 7, 8, 9, 2), completion_start=3)


def test_the_batch_is_the_one_made_by_hand():
    batch = MlmU().weighted_batch([ROW], TOKENS, [np.array([1, 2, 4])], [0.5])
    assert batch.input_ids.tolist() == [[1, 0, 0, 9, 0]]
    assert batch.labels.tolist() == [[IGNORE, 7, 8, IGNORE, 2]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 4]]
    assert (batch.attention_mask[0, 0] == [True, False, False, True, False]).all()
    assert batch.weights[0, [1, 2, 4]].tolist() == [2, 2, 2] and batch.weights.dtype == np.float32
    assert batch.normalizer == 5


def test_the_weight_of_a_tiny_rate_is_bounded():
    batch = MlmU().weighted_batch([ROW], TOKENS, [np.array([1])], [0.002])
    assert batch.weights.max() == LARGEST_WEIGHT


def test_without_weights_the_loss_is_the_plain_mean():
    batch = MlmU(weighting="none").collate([ROW], TOKENS, draw(indices=(3,)))
    assert batch.weights is None and batch.normalizer is None


def masked_shares(objective: MlmU) -> np.ndarray:
    rows = many_rows(2000, length=60)
    batch = objective.collate(rows, TOKENS, draw(indices=range(2000)))
    return (batch.labels != IGNORE).sum(axis=1) / 61  # the eos may be masked too


def test_each_row_draws_its_own_rate_uniformly():
    shares = masked_shares(MlmU())
    assert np.allclose(np.quantile(shares, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.04)


def test_a_fixed_rate_is_that_of_every_row():
    assert abs(masked_shares(MlmU(mask_probability=0.15)) - 0.15).max() < 0.2


@pytest.mark.parametrize("family", FAMILIES)
def test_the_weighted_loss_of_many_draws_is_the_mean_over_the_tokens(family):
    # Each token costs what its id says: weighting by 1 / rate makes the expectation the same for every token.
    row = Row((1, *range(10, 30), 2), 1)
    costs = {token: float(token) for token in row.input_ids}
    total = 0.0
    draws = 4000
    for index in range(draws):
        batch = MlmU().collate([row], FAMILIES[family], draw(indices=(index,)))
        labelled = batch.labels != IGNORE
        total += sum(costs[token] for token in batch.labels[labelled]) * batch.weights[0, 0] / batch.normalizer
    expected = sum(costs[token] for token in row.input_ids[1:]) / len(row.input_ids)
    assert abs(total / draws - expected) < 0.06 * expected  # the bounded weight takes a little away


def test_a_row_without_bos_is_masked_from_its_first_token_on_and_something_is_left_to_be_read():
    row = Row((7, 8, 2), 1)
    batch = MlmU(mask_probability=0.8).collate([row] * 2000, TOKENS, draw(indices=range(2000)))
    assert batch.attention_mask.any(axis=-1).all()
    shares = (batch.labels != IGNORE).mean(axis=0)
    assert np.allclose(shares, [0.8 + 0.2**3 / 3 - 0.8**3, 0.8 + 0.2**3 / 3, 0.8 + 0.2**3 / 3], atol=0.04)


@pytest.mark.parametrize("options", [{}, {"mask_probability": 0.15}, {"mask_probability": 0.9}], ids=str)
def test_spans_weigh_as_much_as_a_whole_row_whatever_they_hold(options):
    rows = many_rows(200, length=20)
    batch = MlmU(unit="span", **options).collate(rows, TOKENS, draw(indices=range(200)))
    masked = (batch.labels != IGNORE).sum(axis=1)
    assert np.allclose((batch.weights * (batch.labels != IGNORE)).sum(axis=1), np.minimum(21, 20 * masked))


def test_a_completion_is_filled_up_with_ends_that_are_masked_and_learnt_like_the_rest():
    objective = MlmU(eos_padding=4)
    assert objective.pad_with_eos(ROW).input_ids == (1, 7, 8, 9, 2, 2, 2)
    assert MlmU(eos_padding=2).pad_with_eos(ROW) == MlmU().pad_with_eos(ROW) == ROW
    batch = objective.collate([ROW] * 2000, TOKENS, draw(indices=range(2000)))
    assert batch.lengths.tolist() == [7] * 2000 and batch.normalizer == 7 * 2000
    is_masked = batch.labels != IGNORE
    assert np.allclose(is_masked[:, 1:].mean(axis=0), 0.5, atol=0.06) and not is_masked[:, 0].any()
    assert (batch.labels[:, 4:][is_masked[:, 4:]] == 2).all()
    assert objective.trained_length(5, TOKENS) == 8 >= 7


def test_the_canvas_of_an_answer_is_as_long_as_in_training():
    learned = MlmU(placeholder="learned", eos_padding=40)
    assert learned.prompt_layout(TOKENS).denoising == Denoising(95, True, "same", canvas=40)
    assert MlmU(eos_padding=40).prompt_layout(TOKENS).denoising.canvas == 1  # none is seen
    maskgit = MlmU(placeholder="learned", eos_padding=40, decoder="maskgit", steps=8, guidance=0.5)
    assert maskgit.prompt_layout(TOKENS).denoising.unmasking == Unmasking(steps=8, guidance=0.5)


def test_answers_are_denoised_in_place():
    assert MlmU().prompt_layout(TOKENS).denoising == Denoising(0, False, "same")
    assert MlmU().rotary_attention == "mirrored" and MlmU(positions="plain").rotary_attention == "stock"
    assert MlmU(placeholder="learned").extra_tokens == 1
