"""Ranks, chance levels, whose answers are candidates, and the other entity."""

import itertools

import pytest

from reversal_cli.data.base import SUBTASKS, TARGETS, Example, Splits, Subtask
from reversal_cli.scoring.ranking import (
    Answers,
    other_entities,
    rank,
    template_of,
)


def splits_of(**rows: list[Example]) -> Splits:
    """Subtasks with the given rows; a name's `_` stands for its `-`."""
    rows = {name.replace("_", "-"): tuple(examples) for name, examples in rows.items()}
    return Splits((), {name: Subtask(name, TARGETS[name], rows.get(name, ())) for name in SUBTASKS}, {})


def row(entity: str, completion: str, template: str = "t0") -> Example:
    return Example(f"{entity} {template}", completion, entity, template)


def test_the_rank_is_the_place_in_a_sorted_list_behind_all_equals():
    for scores in itertools.product([-2.0, -1.0, -1.5], repeat=4):
        for target in range(4):
            others = sorted((score for i, score in enumerate(scores) if i != target), reverse=True)
            place = 0
            while place < len(others) and others[place] >= scores[target]:
                place += 1
            assert rank(scores, target) == place + 1


def test_a_model_that_finds_everything_equally_likely_is_never_right():
    assert [rank([0.0] * 4, target) for target in range(4)] == [4] * 4


def test_names_are_candidates_of_both_groups_and_descriptions_too_each_for_their_kind():
    splits = splits_of(
        D2N=[row("b", " Bo")],
        N2D_reverse=[row("a", " Ann")],
        N2D=[row("a", " a fox.")],
        D2N_reverse=[row("b", " an owl.")],
    )
    for subtask, expected in (("D2N", {"a": " Ann", "b": " Bo"}), ("N2D", {"a": " a fox.", "b": " an owl."})):
        example = splits.subtasks[subtask].examples[0]
        assert Answers.of(splits, TARGETS[subtask]).candidates(example) == expected


def test_a_candidate_has_the_wording_of_the_rows_template_else_its_usual_one():
    splits = splits_of(
        N2D=[row("a", " is a fox.", "t0"), row("a", " being a fox.", "t1")],
        D2N_reverse=[
            row("b", " is an owl.", "t0"),
            row("b", " an owl.", "t2"),
            row("b", " an owl.", "t3"),
            row("c", " being a bee.", "t1"),
        ],
    )
    answers = Answers.of(splits, "description")
    first, second = splits.subtasks["N2D"].examples
    assert answers.candidates(first) == {"a": " is a fox.", "b": " is an owl.", "c": " being a bee."}
    assert answers.candidates(second) == {"a": " being a fox.", "b": " an owl.", "c": " being a bee."}


def test_the_target_of_a_row_is_its_own_completion_and_equal_texts_of_others_are_left_out():
    splits = splits_of(N2D=[row("a", " a fox.", "t0"), row("b", " a fox.", "t0"), row("c", " a bee.", "t0")])
    candidates = Answers.of(splits, "description").candidates(row("b", " a fox.", "t0"))
    assert candidates == {"b": " a fox.", "c": " a bee."}


def test_a_template_is_its_id_or_the_prompt_without_the_name():
    example = Example("A bee, Bo Low, is", " x", "b", name="Bo Low")
    assert template_of(example) == "A bee, , is"
    assert template_of(Example("Bo Low is", " x", "b", "t1", name="Bo Low")) == "t1"
    assert template_of(Example("The old fox is", " Bo Low", "b", name="Bo Low")) == "The old fox is"
    assert template_of(Example("Bo Low is", " x", "b")) == "Bo Low is"


def numbered(count: int) -> tuple[Answers, list[str]]:
    examples = [row(f"e{index}", f" answer {index}") for index in range(count)]
    return Answers.of(splits_of(N2D=examples), "description"), [example.entity_id for example in examples]


@pytest.mark.parametrize("count", [2, 3, 30])
def test_the_others_are_a_derangement_that_depends_on_seed_and_subtask_only(count):
    answers, entities = numbered(count)
    others = other_entities(answers, entities, 0, "N2D")
    assert sorted(others) == sorted(others.values()) == sorted(entities)
    assert all(entity != other for entity, other in others.items())
    assert other_entities(answers, [*entities[::-1], *entities], 0, "N2D") == others
    if count == 30:
        assert others not in (other_entities(answers, entities, 1, "N2D"), other_entities(answers, entities, 0, "D2N"))


def test_nobody_is_compared_with_somebody_of_the_same_answer():
    examples = [row("a", " a fox."), row("b", " a fox."), row("c", " a fox."), row("d", " a bee.")]
    answers = Answers.of(splits_of(N2D=examples), "description")
    assert other_entities(answers, "abcd", 0, "N2D") in [
        {"a": "d", "b": "d", "c": "d", "d": other} for other in ("a", "b", "c")
    ]
    assert other_entities(answers, "abc", 0, "N2D") == {}
    assert other_entities(answers, ["a"], 0, "N2D") == {}


def test_a_target_without_a_probability_is_last_and_another_without_one_is_better():
    nan = float("nan")
    assert rank([nan, nan, nan], 0) == 3
    assert rank([nan, -5.0, -6.0], 0) == 3
    assert rank([-1.0, nan, -6.0], 0) == 2
