"""Masked fine-tuning, fill in the middle and prefix language modelling: their batches by hand, and their draws."""

import dataclasses

import numpy as np
import pytest
from test_objectives import BOS, FAMILIES, TOKENS, draw, many_rows

from reversal_cli.errors import ReversalError
from reversal_cli.inference.prompts import continued_prompt
from reversal_cli.objectives.base import IGNORE, ChatTokens, Item, PromptLayout, Row
from reversal_cli.objectives.fim import Fim
from reversal_cli.objectives.masked_ft import MaskedFt, copied_batch
from reversal_cli.objectives.prefix_lm import PrefixLm, prefix_batch

ROW = Row((1, 7, 8, 9, 2), completion_start=3, items=(Item("name", (1, 2)), Item("description", (2, 4))))
MASK, SEP = 90, 91
PRE, SUF, MID = 90, 91, 92
COPIES = dataclasses.replace(TOKENS, extra=(MASK, SEP), vocabulary=90)
SENTINELS = dataclasses.replace(TOKENS, extra=(PRE, SUF, MID))


def test_masked_fine_tuning_learns_the_text_after_its_masked_copy():
    batch = copied_batch([ROW], [np.array([1, MASK, 8, 9, 2])], COPIES)
    assert batch.input_ids.tolist() == [[1, 90, 8, 9, 91, 7, 8, 9, 2]]
    assert batch.labels.tolist() == [[IGNORE] * 4 + [7, 8, 9, 2, IGNORE]]
    assert batch.attention_mask.tolist() == [[True] * 9]
    assert batch.lengths.tolist() == [9]


def test_a_text_after_its_copy_stands_where_a_glm_with_learned_positions_is_asked_for_it():
    glm = dataclasses.replace(COPIES, two_row_positions=True)
    longer = Row((1, 7, 8, 9, 7, 2), completion_start=3)
    batch = copied_batch([ROW, longer], [np.array(ROW.input_ids), np.array(longer.input_ids)], glm)
    assert batch.position_ids[0].tolist() == [[0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 0], [0] * 11]
    assert batch.position_ids[1].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5], [0] * 11]
    asked = continued_prompt(ROW.input_ids[:-1], glm, PromptLayout())
    assert batch.position_ids[0, 0, 5:8].tolist() == list(asked.positions[0][1:])
    assert copied_batch([ROW], [np.array(ROW.input_ids)], COPIES).position_ids.tolist() == [list(range(9))]
    assert MaskedFt().trained_length(6, glm) == 6 == 1 + batch.position_ids.max()


def test_the_prompted_form_learns_the_text_of_the_assistant_alone():
    chat = dataclasses.replace(COPIES, chat=ChatTokens(before=(BOS, 80), between=(81, 82)))
    batch = copied_batch([ROW], [np.array([1, MASK, 8, 9, 2])], chat)
    assert batch.input_ids.tolist() == [[1, 80, 90, 8, 9, 81, 82, 7, 8, 9, 2]]
    assert batch.labels.tolist() == [[IGNORE] * 6 + [7, 8, 9, 2, IGNORE]]
    assert batch.lengths.tolist() == [11]
    assert MaskedFt(form="prompted").extra_tokens == 1 and MaskedFt(form="prompted").instruction
    assert MaskedFt().instruction is None and MaskedFt(form="prompted").prompt_layout(chat) == PromptLayout()


def test_the_labels_of_a_masked_copy_are_the_same_whatever_is_masked():
    labels = {str(MaskedFt().collate([ROW], COPIES, draw(epoch)).labels.tolist()) for epoch in range(20)}
    assert labels == {str([[IGNORE] * 4 + [7, 8, 9, 2, IGNORE]])}


def copies_of(objective: MaskedFt, rows: list[Row]) -> np.ndarray:
    """The copies in the batch, without bos: int64 [b, content]."""
    batch = objective.collate(rows, COPIES, draw(indices=range(len(rows))))
    return batch.input_ids[:, 1 : len(rows[0].input_ids) - 1]


def test_each_copy_draws_its_own_rate_uniformly():
    shares = (copies_of(MaskedFt(), many_rows(2000, length=60)) == MASK).mean(axis=1)
    assert np.allclose(np.quantile(shares, [0.25, 0.5, 0.75]), [0.275, 0.5, 0.725], atol=0.04)


def test_random_tokens_stand_for_masked_ones_in_the_control():
    rows = many_rows(50, length=20)
    copies = copies_of(MaskedFt(corruption="random", mask_probability=0.5), rows)
    originals = np.array([row.input_ids[1:-1] for row in rows])
    assert copies.min() >= 0 and copies.max() < COPIES.vocabulary
    assert 0.4 < (copies != originals).mean() < 0.55
    alone = MaskedFt(corruption="random").collate(rows[:1], COPIES, draw(indices=(7,)))
    beside = MaskedFt(corruption="random").collate([rows[0], Row((1, 60, 61, 2), 1)], COPIES, draw(indices=(7, 8)))
    assert (alone.input_ids[0] == beside.input_ids[0]).all()


def test_a_random_copy_keeps_nothing_but_its_length():
    rows = many_rows(50, length=20)
    control = MaskedFt(corruption="random-copy")
    copies = copies_of(control, rows)
    originals = np.array([row.input_ids[1:-1] for row in rows])
    assert (copies == originals).mean() < 3 / COPIES.vocabulary + 0.02
    batch = control.collate(rows, COPIES, draw(indices=range(50)))
    assert [labels[labels != IGNORE].tolist() for labels in batch.labels] == [list(row.input_ids[1:]) for row in rows]
    assert set(control.unused("rotary")) == {"mask_probability", "unit", "protect"}


def test_the_first_token_of_a_row_without_bos_is_masked_like_the_others():
    row = Row((7, 8, 9, 2), completion_start=2)
    batch = MaskedFt(mask_probability=0.5).collate([row] * 2000, COPIES, draw(indices=range(2000)))
    copies = batch.input_ids[:, :3] == MASK
    assert np.allclose(copies.mean(axis=0), 0.5 + 0.5**3 / 3, atol=0.04)  # one of three if none is drawn


def test_a_protected_name_is_never_masked_in_the_copy():
    objective = MaskedFt(protect="name", mask_probability=0.9)
    for epoch in range(50):
        assert objective.collate([ROW], COPIES, draw(epoch)).input_ids[0, 1] == 7
    with pytest.raises(ReversalError, match="does not have its name"):
        objective.check([Row((1, 7, 2), 1)])


@pytest.mark.parametrize(
    ("piece", "suffix_first", "ids"),
    [
        ((2, 3), False, (1, 90, 7, 91, 9, 92, 8, 2)),
        ((2, 3), True, (1, 90, 91, 9, 92, 7, 8, 2)),
        ((1, 2), False, (1, 90, 91, 8, 9, 92, 7, 2)),
        ((1, 2), True, (1, 90, 91, 8, 9, 92, 7, 2)),
    ],
)
def test_the_middle_is_moved_to_the_end(piece, suffix_first, ids):
    assert Fim().move(ROW, piece, SENTINELS, suffix_first).input_ids == ids


def test_two_sentinels_leave_out_that_of_the_prefix():
    tokens = dataclasses.replace(TOKENS, extra=(SUF, MID))
    assert Fim(sentinels="two").move(ROW, (2, 3), tokens, False).input_ids == (1, 7, 91, 9, 92, 8, 2)
    assert Fim(sentinels="two").extra_tokens == 2


@pytest.mark.parametrize(("text", "asked"), [((1, 7, 8), (1, 90, 7, 8, 91, 92)), ((7, 8), (90, 7, 8, 91, 92))])
def test_a_middle_is_asked_for_as_in_training_with_and_without_bos(text, asked):
    """PRE 90, SUF 91, MID 92: the prefix is what the training put before a suffix without text."""
    fim = Fim(prompt_form="fim")
    assert continued_prompt(text, SENTINELS, fim.prompt_layout(SENTINELS)).input_ids == asked
    row = Row((*text, 9, 2), 1)
    start = len(text)
    assert fim.move(row, (start, start + 1), SENTINELS, suffix_first=False).input_ids == (*asked, 9, 2)


def test_rows_are_moved_as_often_as_the_rate_says_and_every_token_is_learnt():
    rows = many_rows(2000)
    batch = Fim(fim_rate=0.3).collate(rows, SENTINELS, draw(indices=range(2000)))
    assert abs((batch.input_ids == MID).any(axis=1).mean() - 0.3) < 0.04
    assert ((batch.labels != IGNORE).sum(axis=1) == batch.lengths - 1).all()
    words = [sorted(set(ids) - {PRE, SUF, MID, 0}) for ids in batch.input_ids.tolist()]
    assert words == [sorted(row.input_ids) for row in rows]


def test_entities_are_moved_whole():
    objective = Fim(fim_rate=1, span_policy="entity", spm_share=0)
    seen = {tuple(objective.collate([ROW], SENTINELS, draw(epoch)).input_ids[0].tolist()) for epoch in range(40)}
    assert seen == {(1, 90, 91, 8, 9, 92, 7, 2), (1, 90, 7, 91, 92, 8, 9, 2)}


@pytest.mark.parametrize("policy", ["random", "entity"])
@pytest.mark.parametrize(("kind", "protected"), [("name", {10, 11}), ("description", {14, 15, 16})])
def test_what_is_protected_never_comes_after_what_follows_it(policy, kind, protected):
    row = Row((1, *range(10, 20), 2), 3, (Item("name", (1, 3)), Item("description", (5, 8))))
    objective, moved = Fim(fim_rate=1, span_policy=policy, protect=kind), 0
    for epoch in range(200):
        ids = [i for i in objective.collate([row], SENTINELS, draw(epoch)).input_ids[0].tolist() if 10 <= i < 20]
        moved += ids != sorted(ids)
        for index, token in enumerate(ids):
            assert token not in protected or max(ids[: index + 1]) == token
    assert moved > 50  # a description that is moved to the end passes what follows it; other pieces do not


def test_a_row_that_cannot_be_moved_without_its_protected_name_is_read_as_it_is():
    row = Row((1, 7, 8, 2), 1, (Item("name", (1, 3)),))
    objective = Fim(fim_rate=1, span_policy="entity", protect="name")
    assert objective.collate([row], SENTINELS, draw()).input_ids[0].tolist() == [1, 7, 8, 2]
    with pytest.raises(ReversalError, match="does not have its name"):
        objective.check([Row((1, 7, 2), 1)])


def test_options_of_a_piece_have_no_effect_where_none_is_moved():
    assert set(Fim(fim_rate=0).unused("rotary")) >= {"span_policy", "spm_share", "protect", "sentinels"}
    assert "sentinels" not in {**Fim(fim_rate=0).unused("glm"), **Fim(fim_rate=0, prompt_form="fim").unused("rotary")}
    assert "protect" not in Fim(fim_rate=0.1).unused("rotary")


def test_a_prompt_may_be_read_as_the_prefix_of_a_middle():
    assert Fim().prompt_layout(SENTINELS) == PromptLayout()
    assert Fim(prompt_form="fim").prompt_layout(SENTINELS) == PromptLayout(before=(PRE,), after=(SUF, MID))


def test_a_prefix_is_read_in_both_directions_and_the_rest_is_predicted():
    batch = prefix_batch([ROW], [3], TOKENS)
    assert batch.labels.tolist() == [[IGNORE, IGNORE, 9, 2, IGNORE]]
    seen = [np.flatnonzero(keys).tolist() for keys in batch.attention_mask[0, 0]]
    assert seen == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize("family", FAMILIES)
def test_prefixes_end_anywhere_after_the_first_token(family):
    starts = [
        int(np.flatnonzero(PrefixLm().collate([ROW], FAMILIES[family], draw(epoch)).labels[0] != IGNORE)[0])
        for epoch in range(300)
    ]
    assert set(starts) == {1, 2, 3} and min(starts.count(start) for start in {1, 2, 3}) > 70


def test_what_training_adds_to_a_row_is_counted():
    ids = np.array(ROW.input_ids)
    assert MaskedFt().trained_length(5, COPIES) == 10 >= copied_batch([ROW], [ids], COPIES).input_ids.shape[1]
    chat = dataclasses.replace(COPIES, chat=ChatTokens(before=(1, 80), between=(81, 82, 83)))
    assert MaskedFt().trained_length(5, chat) == 15 >= copied_batch([ROW], [ids], chat).input_ids.shape[1] > 10
    assert Fim().trained_length(5, SENTINELS) == 8 == len(Fim().move(ROW, (2, 3), SENTINELS, False).input_ids)
