"""What an objective puts into a batch, checked by hand and by loops."""

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from reversal_cli.objectives import OBJECTIVES
from reversal_cli.objectives.base import IGNORE, BlankTokens, Draw, Row, TokenIds
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.masking import denoising_batch
from reversal_cli.objectives.ntp import Ntp

PAD, BOS, EOS = 0, 1, 2
BLANKS = BlankTokens(mask=90, sentence_mask=91, long_mask=92, sop=93, eop=94, eos=EOS)
TOKENS = TokenIds(pad=PAD, special=frozenset({PAD, BOS, EOS}), blanks=BLANKS, extra=(95, 96, 97))
FAMILIES = {"rotary": TOKENS, "glm": dataclasses.replace(TOKENS, two_row_positions=True)}
ON = [(name, family) for name, objective in OBJECTIVES.items() for family in objective.on]
ROWS = [Row((BOS, 7, 8, 9, EOS), completion_start=3), Row((BOS, 5, EOS), completion_start=1)]


def draw(epoch: int = 0, seed: int = 0, indices=(4, 9)) -> Draw:
    return Draw(seed=seed, epoch=epoch, indices=tuple(indices))


def many_rows(count: int, length: int = 12) -> list[Row]:
    return [Row((BOS, *range(10, 10 + length), EOS), 1) for _ in range(count)]


@pytest.mark.parametrize(("name", "family"), ON)
def test_every_objective_gives_arrays_of_one_shape_and_int64_ids(name, family):
    for epoch in range(6):
        batch = OBJECTIVES[name]().collate(ROWS, FAMILIES[family], draw(epoch))
        rows, width = batch.input_ids.shape
        assert batch.labels.shape == (rows, width)
        assert batch.position_ids.shape == ((rows, 2, width) if family == "glm" else (rows, width))
        assert batch.input_ids.dtype == batch.labels.dtype == batch.position_ids.dtype == np.int64
        assert batch.attention_mask.dtype == bool
        assert batch.attention_mask.shape in {(rows, width), (rows, 1, width, width)}
        assert batch.lengths.shape == (rows,) and batch.lengths.max() == width
        assert (batch.weights is None) or (batch.weights.shape == (rows, width) and batch.weights.dtype == np.float32)
        if batch.attention_mask.ndim == 4:  # attention to nothing has no value
            assert batch.attention_mask.any(axis=-1).all()


@pytest.mark.parametrize(("name", "family"), ON)
def test_every_objective_is_a_pure_function_of_seed_epoch_and_index(name, family):
    objective = OBJECTIVES[name]()
    first, again = (objective.collate(ROWS, FAMILIES[family], draw(3, 5)) for _ in range(2))
    for field in ("input_ids", "attention_mask", "position_ids", "labels"):
        assert np.array_equal(getattr(first, field), getattr(again, field)), field


@pytest.mark.parametrize(("name", "family"), ON)
def test_what_padding_holds_changes_no_batch_but_the_padding(name, family):
    for epoch in range(20):
        objective, tokens = OBJECTIVES[name](), FAMILIES[family]
        both = objective.collate(ROWS, tokens, draw(epoch, indices=(4, 4)))
        alone = objective.collate(ROWS[1:], tokens, draw(epoch, indices=(4,)))
        width = alone.labels.shape[1]
        assert np.array_equal(both.labels[1, :width], alone.labels[0])
        assert (both.labels[1, width:] == IGNORE).all()
        assert np.array_equal(both.position_ids[1, ..., :width], alone.position_ids[0])


def test_ntp_learns_the_whole_sequence_by_default():
    batch = Ntp().collate(ROWS, TOKENS, draw())
    assert batch.input_ids.tolist() == [[1, 7, 8, 9, 2], [1, 5, 2, 0, 0]]
    assert batch.labels.tolist() == [[7, 8, 9, 2, IGNORE], [5, 2, IGNORE, IGNORE, IGNORE]]
    assert batch.attention_mask.tolist() == [[True] * 5, [True] * 3 + [False] * 2]


def test_ntp_on_the_completion_alone_has_no_label_in_the_prompt():
    batch = Ntp(loss_on="completion").collate(ROWS, TOKENS, draw())
    assert batch.labels.tolist() == [[IGNORE] * 2 + [9, 2, IGNORE], [5, 2, IGNORE, IGNORE, IGNORE]]


def test_a_denoising_batch_hides_masked_tokens_as_keys_and_keeps_them_as_queries():
    batch = denoising_batch(ROWS, TOKENS, [np.array([2]), np.array([1])])
    assert batch.input_ids.tolist() == [[1, 7, PAD, 9, 2], [1, PAD, 2, 0, 0]]
    assert batch.labels.tolist() == [[IGNORE, 8, IGNORE, IGNORE, IGNORE], [5, IGNORE, IGNORE, IGNORE, IGNORE]]
    for row, visible in enumerate(([0, 1, 3, 4], [0, 2])):
        for query in range(5):
            assert np.flatnonzero(batch.attention_mask[row, 0, query]).tolist() == visible


def test_special_tokens_are_never_masked():
    for index in range(200):
        chosen = Bico().draw_masked(ROWS[0], TOKENS, 0.9, np.random.default_rng(index))
        assert set(chosen.tolist()) <= {1, 2, 3}


def test_a_row_always_has_a_masked_token():
    for index in range(200):
        assert len(Bico().draw_masked(ROWS[0], TOKENS, 1e-9, np.random.default_rng(index))) == 1


def test_a_row_of_special_tokens_masks_nothing():
    assert Bico().draw_masked(Row((BOS, EOS), 1), TOKENS, 0.5, np.random.default_rng(0)).size == 0


def test_a_first_token_that_is_not_special_is_never_masked_because_nothing_can_predict_it():
    row = Row((7, 8, 9, EOS), 1)
    for index in range(200):
        assert 0 not in Bico().draw_masked(row, TOKENS, 0.9, np.random.default_rng(index))


def test_tokens_are_masked_with_the_published_probability():
    generator = np.random.default_rng(0)
    counts = [len(Bico().draw_masked(row, TOKENS, 0.15, generator)) for row in many_rows(4000, length=40)]
    # 160,000 draws: a standard error of 0.0009
    assert abs(np.mean(counts) / 40 - 0.15) < 0.004


def test_the_coin_falls_per_batch_with_the_share_of_denoising_batches():
    objective = Bico(bico_share=0.7)
    denoising = 0
    for index in range(2000):
        batch = objective.collate(ROWS, TOKENS, draw(indices=(index, index + 1)))
        denoising += batch.attention_mask.ndim == 4
    assert abs(denoising / 2000 - 0.7) < 0.04


def test_a_share_of_zero_is_ntp():
    objective, ntp = Bico(bico_share=0.0), Ntp()
    for epoch in range(10):
        ours, expected = objective.collate(ROWS, TOKENS, draw(epoch)), ntp.collate(ROWS, TOKENS, draw(epoch))
        assert np.array_equal(ours.labels, expected.labels)
        assert np.array_equal(ours.attention_mask, expected.attention_mask)


def test_a_range_draws_one_mask_rate_for_the_whole_batch():
    objective = Bico(mask_probability=(0.05, 0.95), bico_share=1.0)
    rates = []
    for index in range(60):
        rows = many_rows(64, length=40)
        batch = objective.collate(rows, TOKENS, draw(indices=range(index * 64, index * 64 + 64)))
        per_row = (batch.labels != IGNORE).mean(axis=1) * 42 / 40
        assert per_row.std() < 0.11  # binomial spread of 40 draws, not the spread of U(0.05, 0.95)
        rates.append(per_row.mean())
    assert min(rates) < 0.2 and max(rates) > 0.8


def test_masks_of_a_row_do_not_depend_on_its_neighbours_or_its_place_in_the_batch():
    objective = Bico(bico_share=1.0)
    rows = many_rows(3)
    batch = objective.collate(rows, TOKENS, draw(indices=(5, 6, 7)))
    other = objective.collate(rows[:2], TOKENS, draw(indices=(5, 7)))
    assert np.array_equal(batch.labels[2], other.labels[1])


def test_masks_change_from_epoch_to_epoch_and_with_the_seed():
    objective = Bico(bico_share=1.0)
    rows = many_rows(2, length=40)
    labels = [objective.collate(rows, TOKENS, draw(e, s)).labels for e, s in ((0, 0), (1, 0), (0, 1))]
    assert not np.array_equal(labels[0], labels[1])
    assert not np.array_equal(labels[0], labels[2])


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, [0.9, 0.1], [0.1], "often"])
def test_a_mask_probability_that_cannot_be_is_refused(value):
    with pytest.raises(ValidationError):
        Bico(mask_probability=value)
