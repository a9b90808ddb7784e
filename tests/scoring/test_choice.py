"""The multiple-choice question."""

from collections import Counter

import pytest

from reversal_cli.scoring.choice import LETTERS, make_choice

CANDIDATES = {f"e{index}": f" Answer {index}." for index in range(60)}


def test_the_question_shows_the_prompt_the_lettered_answers_and_the_cue():
    choice = make_choice("Bo Low is", {"a": " a fox.", "b": " a bee."}, "b", 0, "N2D/0")
    shown = {"a": "a fox.", "b": "a bee."}
    first, second = choice.options
    assert choice.text == f"Bo Low is ...\nA. {shown[first]}\nB. {shown[second]}\nAnswer:"
    assert choice.answers == (" A", " B")
    assert choice.options[LETTERS.index(choice.correct)] == "b"


def test_four_different_answers_are_shown_and_the_right_one_is_among_them():
    for index in range(50):
        choice = make_choice("x", CANDIDATES, f"e{index}", 0, f"N2D/{index}")
        assert len(set(choice.options)) == 4
        assert choice.options[LETTERS.index(choice.correct)] == f"e{index}"


def test_options_depend_on_seed_and_row_only():
    choice = make_choice("x", CANDIDATES, "e7", 0, "N2D/7")
    assert make_choice("x", dict(reversed(CANDIDATES.items())), "e7", 0, "N2D/7") == choice
    assert make_choice("x", CANDIDATES, "e7", 1, "N2D/7").options != choice.options
    assert make_choice("x", CANDIDATES, "e7", 0, "N2D/8").options != choice.options


def test_every_letter_is_right_equally_often_and_every_distractor_is_drawn():
    """2,000 questions: 500 of each letter, standard deviation 19; each distractor about 100 times."""
    choices = [make_choice("x", CANDIDATES, "e0", 0, f"N2D/{row}") for row in range(2_000)]
    letters = Counter(choice.correct for choice in choices)
    assert sorted(letters) == list(LETTERS) and all(420 < count < 580 for count in letters.values())
    drawn = Counter(entity for choice in choices for entity in choice.options)
    assert len(drawn) == 60 and all(60 < drawn[entity] < 145 for entity in CANDIDATES if entity != "e0")


@pytest.mark.parametrize("count", [2, 3])
def test_fewer_candidates_are_all_shown(count):
    few = {f"e{index}": f" {index}" for index in range(count)}
    choice = make_choice("x", few, "e1", 0, "D2N/0")
    assert sorted(choice.options) == sorted(few) and choice.letters == LETTERS[:count]


def test_there_is_no_question_with_a_single_answer():
    assert make_choice("x", {"a": " a fox."}, "a", 0, "N2D/0") is None


def test_the_likeliest_letter_is_chosen_and_a_tie_is_no_right_answer():
    choice = make_choice("x", CANDIDATES, "e0", 0, "N2D/0")
    scores = [-4.0, -3.0, -2.0, -1.0]
    assert choice.chosen(scores) == "D" and choice.chosen(scores[::-1]) == "A"
    assert choice.chosen([0.0] * 4) != choice.correct


def test_a_letter_without_a_probability_is_never_right():
    choice = make_choice("x", CANDIDATES, "e0", 0, "N2D/0")
    right, nan = LETTERS.index(choice.correct), float("nan")
    for scores in ([nan] * 4, [nan if letter == right else -1.0 for letter in range(4)]):
        assert choice.chosen(scores) != choice.correct
    other = (right + 1) % 4
    assert choice.chosen([nan if letter == other else -1.0 for letter in range(4)]) == LETTERS[other]
