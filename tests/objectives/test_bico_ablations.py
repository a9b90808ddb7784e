"""BICO's ablations: their batches by hand, and what each option may mask."""

import numpy as np
import pytest
from pydantic import ValidationError
from test_objectives import EOS, FAMILIES, TOKENS, draw, many_rows

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import IGNORE, Item, PromptLayout, Row
from reversal_cli.objectives.bico import Bico, hidden_inputs_batch
from reversal_cli.objectives.masking import denoising_batch
from reversal_cli.objectives.prompt_layout import Denoising

ROW = Row((1, 7, 8, 9, 2), completion_start=3, items=(Item("name", (1, 2)), Item("description", (2, 4))))
LEARNED = 90


def seen(batch) -> list[int]:
    """The keys that every query of the only row attends to."""
    mask = batch.attention_mask[0]
    keys = mask if mask.ndim == 1 else mask[0]
    assert mask.ndim == 1 or (keys == keys[0]).all()
    return np.flatnonzero(keys if mask.ndim == 1 else keys[0]).tolist()


@pytest.mark.parametrize(
    ("denoising", "ids", "labels", "keys"),
    [
        (Denoising(0, False, "next"), [1, 7, 0, 9, 2], [IGNORE, 8, IGNORE, IGNORE, IGNORE], [0, 1, 3, 4]),
        (Denoising(0, False, "same"), [1, 7, 0, 9, 2], [IGNORE, IGNORE, 8, IGNORE, IGNORE], [0, 1, 3, 4]),
        (Denoising(0, True, "next"), [1, 7, 0, 9, 2], [IGNORE, 8, IGNORE, IGNORE, IGNORE], [0, 1, 2, 3, 4]),
        (Denoising(LEARNED, True, "next"), [1, 7, 90, 9, 2], [IGNORE, 8, IGNORE, IGNORE, IGNORE], [0, 1, 2, 3, 4]),
    ],
    ids=["published", "same", "pad", "learned"],
)
def test_the_batch_of_each_denoising_is_the_one_made_by_hand(denoising, ids, labels, keys):
    batch = denoising_batch([ROW], TOKENS, [np.array([2])], denoising)
    assert batch.input_ids.tolist() == [ids]
    assert batch.labels.tolist() == [labels]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 4]]
    assert batch.lengths.tolist() == [5]
    assert seen(batch) == keys


def test_causal_denoising_is_next_token_prediction_with_hidden_inputs():
    batch = hidden_inputs_batch([ROW], TOKENS, [np.array([2])])
    assert batch.input_ids.tolist() == [[1, 7, 0, 9, 2]]
    assert batch.labels.tolist() == [[7, 8, 9, 2, IGNORE]]
    assert seen(batch) == [0, 1, 3, 4]


def masked_of(objective: Bico, rows, probability: float = 0.5) -> list[list[int]]:
    return [
        objective.draw_masked(row, TOKENS, probability, np.random.default_rng(seed), objective.mask_eos).tolist()
        for seed, row in enumerate(rows)
    ]


def test_entities_are_masked_whole():
    masked = masked_of(Bico(unit="entity"), [ROW] * 200)
    assert {tuple(indices) for indices in masked} == {(1,), (2, 3), (1, 2, 3)}


@pytest.mark.parametrize("unit", ["token", "entity", "span"])
@pytest.mark.parametrize(("kind", "span"), [("name", {1}), ("description", {2, 3})])
def test_what_is_protected_is_never_masked(unit, kind, span):
    masked = masked_of(Bico(unit=unit, protect=kind), [ROW] * 200, 0.9)
    assert all(indices and not span & set(indices) for indices in masked)


def test_spans_hold_the_drawn_share_of_a_row_and_leave_special_tokens():
    rows = many_rows(500, length=40)
    masked = masked_of(Bico(unit="span"), rows, 0.3)
    assert all(indices == sorted(set(indices)) and {0, 41}.isdisjoint(indices) for indices in masked)
    assert min(map(len, masked)) >= 12 and np.mean([len(indices) for indices in masked]) < 12 + 3
    runs = [1 + int((np.diff(indices) > 1).sum()) for indices in masked]
    assert 2 < np.mean([len(indices) for indices in masked]) / np.mean(runs) < 4.5


def test_the_end_of_a_row_is_masked_only_where_that_is_asked_for():
    ends = [4 in indices for indices in masked_of(Bico(mask_eos=True), [ROW] * 400)]
    assert 0.4 < np.mean(ends) < 0.6
    assert not any(4 in indices for indices in masked_of(Bico(), [ROW] * 400))
    assert ROW.input_ids[4] == EOS


def test_a_bos_that_is_also_the_eos_is_never_masked():
    row = Row((2, 7, 8, 9, 2), 1)
    masked = Bico(mask_eos=True).maskable(row, TOKENS, mask_eos=True, mask_first=True)
    assert masked.tolist() == [1, 2, 3, 4]


def test_rows_without_a_name_are_refused_before_the_training_where_an_option_needs_it():
    nameless = Row((1, 7, 2), 1)
    Bico().check([nameless])
    with pytest.raises(
        ReversalError, match=r"objective\.unit: training row 2 has neither its name nor its description"
    ):
        Bico(unit="entity").check([ROW, nameless])
    with pytest.raises(ReversalError, match=r"objective\.protect: training row 2 does not have its name in its text"):
        Bico(protect="name").check([ROW, Row((1, 7, 2), 1, (Item("description", (1, 2)),))])


def test_a_causal_model_does_not_denoise():
    with pytest.raises(ValidationError, match="choose 'continue'"):
        Bico(attention="causal", decoder="denoise")


def test_the_options_decide_attention_tokens_and_layout():
    assert Bico().rotary_attention == "mirrored" and Bico().extra_tokens == 0
    assert Bico(positions="plain").rotary_attention == Bico(attention="causal").rotary_attention == "stock"
    assert Bico(placeholder="learned").extra_tokens == 1
    assert Bico().prompt_layout(TOKENS) == PromptLayout()
    assert Bico(decoder="denoise", target="same").prompt_layout(TOKENS).denoising == Denoising(0, False, "same")


def test_what_causal_steps_do_not_read_is_said():
    causal = Bico(attention="causal").unused("rotary")
    assert set(causal) == {"target", "positions", "placeholder", "mask_eos"}


def test_a_decoder_that_denoises_reads_its_options_without_denoising_batches_too():
    never = Bico(bico_share=0).unused("rotary")
    assert {"target", "positions", "placeholder", "mask_probability"} <= set(never)
    denoised = Bico(bico_share=0, decoder="denoise").unused("rotary")
    assert set(never) - set(denoised) == {"target", "positions", "placeholder"}


def test_a_token_predicted_at_its_own_place_may_be_the_first():
    bare = [Row((7, 8, 2), 1)] * 50
    for target, masked in (("same", [0, 1]), ("next", [1])):
        batch = Bico(bico_share=1, target=target).collate(bare, TOKENS, draw(indices=range(50)))
        assert np.flatnonzero((batch.input_ids == TOKENS.pad).any(axis=0)).tolist() == masked


@pytest.mark.parametrize("family", FAMILIES)
def test_options_leave_next_token_batches_as_they_are(family):
    changed = Bico(bico_share=0, target="same", placeholder="pad", attention="causal", unit="entity")
    for epoch in range(5):
        plain = Bico(bico_share=0).collate([ROW], FAMILIES[family], draw(epoch, indices=(3,)))
        batch = changed.collate([ROW], FAMILIES[family], draw(epoch, indices=(3,)))
        assert np.array_equal(batch.labels, plain.labels) and np.array_equal(batch.input_ids, plain.input_ids)
