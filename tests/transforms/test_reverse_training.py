"""Reverse training: the worked examples, and what becomes of names, marks and modes."""

import dataclasses
import itertools

import numpy as np
import pytest

from reversal_cli.data.base import Example
from reversal_cli.data.mentions import find_mentions
from reversal_cli.objectives.base import Item, Row, TokenIds
from reversal_cli.transforms.base import put_at_marks
from reversal_cli.transforms.reverse import Reverse, in_pieces, in_segments, token_reversed

DINAH = Example(
    "Dinah Darby is",
    " the trainer of Rapid Atlas.",
    "a",
    "t",
    "Dinah Darby",
    "the trainer of Rapid Atlas",
    "name-first",
)
TOKENS = TokenIds(pad=0, special=frozenset({0, 1, 2}), of_transform=(90,))
ROW = Row((1, 7, 8, 9, 2), 3, (Item("name", (1, 2)), Item("description", (2, 4))))
OTHER = Row((1, 5, 6, 2), 2)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("word", ". Atlas Rapid of trainer the is Darby Dinah"),
        ("entity", ". Rapid Atlas of trainer the is Dinah Darby"),
        ("phrase", ". the trainer of Rapid Atlas is Dinah Darby"),
    ],
)
def test_the_worked_example_of_each_unit_of_text(unit, text):
    plain, changed = Reverse(unit=unit).examples([DINAH], seed=0)
    assert plain is DINAH
    assert (changed.prompt, changed.completion) == ("", text)
    assert changed.name in text and changed.description in text
    assert (changed.entity_id, changed.template_id, changed.group) == ("a", "t", "name-first")


def test_the_worked_example_of_tokens():
    changed = token_reversed(ROW, TOKENS)
    assert changed.input_ids == (1, 9, 8, 7, 2)
    assert changed.items == (Item("name", (3, 4)), Item("description", (1, 3)))


def test_words_reversed_twice_are_the_words():
    text = DINAH.text.replace(".", " .")
    twice = in_pieces(in_pieces(DINAH, "word"), "word")
    assert twice.text == text
    assert (twice.name, twice.description) == (DINAH.name, DINAH.description)


@pytest.mark.parametrize(
    ("text", "reversed_text"),
    [
        ('Ann wrote "The Old Red Hen" in 1999!', '! 1999 in "The Old Red Hen" wrote Ann'),
        ("Ann's well-known “Blue Sea”, of course", "course of , “Blue Sea” well-known Ann's"),
        ("He met Ann Mary Lee", "Ann Mary Lee met He"),
    ],
)
def test_titles_in_quotation_marks_and_runs_of_capitals_are_one_entity(text, reversed_text):
    assert in_pieces(Example("", text, "a"), "entity").text == reversed_text


def test_a_name_is_one_entity_beside_another_word_in_capitals_and_in_small_letters():
    assert in_pieces(Example("", "Today Ann Lee left", "a", name="Ann Lee"), "entity").text == "left Ann Lee Today"
    assert in_pieces(Example("", "the cook met bo", "a", name="the cook"), "entity").text == "bo met the cook"


def test_a_description_in_another_form_is_one_phrase():
    example = Example(
        "Ann Lee is known for", " taming the bear Bruno.", "a", "", "Ann Lee", "the tamer of the bear Bruno"
    )
    assert in_pieces(example, "phrase").text == ". taming the bear Bruno for known is Ann Lee"


@pytest.mark.parametrize(
    ("text", "name", "description"),
    [
        ("Ann Lee composed the opera Amber Corridor.", "Lee Ann", "Corridor Amber opera the composed"),
        ("Ann Lee is known for composing the opera Amber Corridor.", "Lee Ann", "Corridor Amber opera the composing"),
        ("The composer of the opera Amber Corridor is Ann Lee's son.", "Lee's Ann", None),
    ],
)
def test_a_reversed_row_still_has_its_name_and_its_description_in_whatever_form(text, name, description):
    example = Example("", text, "a", "t", "Ann Lee", "the composer of the opera Amber Corridor", "name-first")
    changed = in_pieces(example, "word")
    assert (changed.name, changed.description) == (name, description or "Corridor Amber opera the of composer The")
    assert [mention.kind for mention in find_mentions(changed)] == ["name", "description"]
    assert in_pieces(example, "entity").name == "Ann Lee"
    changed = in_pieces(dataclasses.replace(example, name="Bo", description="the baker of buns"), "word")
    assert (changed.name, changed.description) == ("", "")


def test_segments_keep_their_words_and_have_a_mark_between_any_two():
    for seed in range(30):
        changed = in_segments(DINAH, 3, np.random.default_rng(seed))
        bounds = [0, *changed.marks, len(changed.text) + 1]
        segments = [changed.text[first : stop - 1] for first, stop in itertools.pairwise(bounds)]
        assert all(1 <= len(segment.replace(".", " .").split()) <= 3 for segment in segments)
        assert " ".join(reversed(segments)).replace(" .", ".") == DINAH.text


def test_one_segment_is_the_text_itself():
    generator = np.random.default_rng(
        next(seed for seed in range(99) if np.random.default_rng(seed).integers(1, 1000) > 9)
    )
    changed = in_segments(DINAH, 999, generator)
    assert (changed.text, changed.marks) == (DINAH.text, ())


def test_a_token_is_put_before_each_mark_and_items_move():
    row = dataclasses.replace(ROW, marks=(1, 3))
    changed = put_at_marks(row, (90, 91))
    assert changed.input_ids == (1, 90, 7, 8, 91, 9, 2)
    assert changed.items == (Item("name", (2, 3)), Item("description", (3, 6)))
    assert changed.marks == ()


def test_adding_gives_every_row_and_its_reverse():
    transform = Reverse(unit="token")
    assert len(transform.examples([DINAH, DINAH], 0)) == 4
    rows = transform.rows([ROW, OTHER, ROW, OTHER], TOKENS)
    assert [row.input_ids for row in rows] == [(1, 7, 8, 9, 2), (1, 5, 6, 2), (1, 9, 8, 7, 2), (1, 6, 5, 2)]


def test_a_tag_comes_first_in_reversed_rows_alone():
    transform = Reverse(tag=True)
    assert [example.marks for example in transform.examples([DINAH], 0)] == [(), (0,)]
    plain, changed = transform.rows([ROW, dataclasses.replace(OTHER, marks=(1,))], TOKENS)
    assert (plain.input_ids, changed.input_ids) == ((1, 7, 8, 9, 2), (1, 90, 5, 6, 2))
    marked = dataclasses.replace(ROW, marks=(1,))
    assert Reverse(unit="token", tag=True).rows([ROW, marked], TOKENS)[1].input_ids == (1, 90, 9, 8, 7, 2)


def test_a_tag_is_not_the_token_that_joins_segments():
    transform = Reverse(unit="segment", tag=True)
    assert transform.extra_tokens == 2
    two = dataclasses.replace(TOKENS, of_transform=(90, 91))
    marked = dataclasses.replace(ROW, marks=(1, 2, 3))
    assert transform.rows([ROW, marked], two)[1].input_ids == (1, 90, 7, 91, 8, 91, 9, 2)
    untagged = Reverse(unit="segment").rows([ROW, dataclasses.replace(ROW, marks=(2,))], TOKENS)[1]
    assert untagged.input_ids == (1, 7, 90, 8, 9, 2)


def test_replacing_reverses_half_of_the_drawings_and_keeps_the_number_of_rows():
    transform = Reverse(mode="replace", unit="token")
    (row,) = transform.rows([ROW, ROW], TOKENS)
    assert row.input_ids == ROW.input_ids
    drawn = [transform.row(row, TOKENS, np.random.default_rng(seed)).input_ids for seed in range(2000)]
    assert set(drawn) == {(1, 7, 8, 9, 2), (1, 9, 8, 7, 2)}
    assert abs(np.mean([ids[1] == 9 for ids in drawn]) - 0.5) < 0.04


def test_half_divides_the_epochs_by_two():
    assert [Reverse(mode=mode).epoch_divisor for mode in ("add", "half", "replace")] == [1, 2, 1]
