from dataclasses import replace

import pytest
from dataset_rows import entity_count, read_rows
from people_splits import MEMBERS, NAMES, six_people

from reversal_cli.data.base import SUBTASKS, Subtask
from reversal_cli.data.berglund import load_folder
from reversal_cli.evaluation.controls import both_directions, controls, in_context

BOTH_FILE = "both_prompts_test.jsonl"


def test_the_people_trained_in_both_directions_are_asked_in_both():
    splits = six_people()
    found = both_directions(splits)
    assert {name: (subtask.name, subtask.target) for name, subtask in found.items()} == {
        "N2D": ("N2D", "description"),
        "D2N": ("D2N", "name"),
    }
    assert found["N2D"].examples == splits.both[:4]
    assert [row.prompt for row in found["D2N"].examples] == [row.prompt for row in splits.both[4:]]
    assert {row.entity_id for subtask in found.values() for row in subtask.examples} == set(MEMBERS["both"])


def test_a_name_target_is_the_bare_name_although_the_file_goes_on_after_it():
    splits = six_people()
    assert splits.both[4].completion == " Di Fox moves on."
    assert [row.completion for row in both_directions(splits)["D2N"].examples] == [
        f" {NAMES[row.entity_id]}" for row in splits.both[4:]
    ]


def test_a_control_without_rows_is_absent():
    splits = six_people()
    assert list(controls(splits)) == ["both-directions", "in-context"]
    assert list(controls(replace(splits, both=()))) == ["in-context"]
    assert list(controls(replace(splits, train=()))) == ["both-directions"]


@pytest.mark.parametrize("seed", [0, 1])
def test_in_context_puts_a_training_row_of_the_same_entity_before_every_prompt(seed):
    splits = six_people()
    found = in_context(splits, seed)
    assert list(found) == list(SUBTASKS)
    for name, subtask in found.items():
        assert (subtask.name, subtask.target) == (name, splits.subtasks[name].target)
        for row, original in zip(subtask.examples, splits.subtasks[name].examples, strict=True):
            facts = [train.prompt + train.completion for train in splits.train if train.entity_id == row.entity_id]
            assert row.prompt in [fact + " " + original.prompt for fact in facts]
            assert replace(row, prompt=original.prompt) == original


def test_the_sentence_in_context_depends_on_seed_entity_and_row_only():
    splits = six_people()
    whole = in_context(splits)["N2D"].examples
    only_joann = tuple(row for row in splits.subtasks["N2D"].examples if row.entity_id == "joann")
    fewer = replace(splits, subtasks={"N2D": Subtask("N2D", "description", only_joann)}, both=())
    assert in_context(fewer)["N2D"].examples == whole[2:]
    drawn = {tuple(row.prompt for row in in_context(splits, seed)["N2D"].examples) for seed in range(20)}
    assert len(drawn) > 1


def test_a_question_and_its_reverse_get_the_same_sentences():
    found, splits = in_context(six_people()), six_people()
    pairs = zip(found["N2D"].examples, found["N2D-reverse"].examples, strict=True)
    originals = zip(splits.subtasks["N2D"].examples, splits.subtasks["N2D-reverse"].examples, strict=True)
    for (one, two), (first, second) in zip(pairs, originals, strict=True):
        assert one.prompt.removesuffix(first.prompt) == two.prompt.removesuffix(second.prompt)


def test_prompts_about_somebody_whom_training_never_shows_are_left_out():
    splits = six_people()
    without_ann = replace(splits, train=tuple(row for row in splits.train if row.entity_id != "ann"))
    assert {row.entity_id for row in in_context(without_ann)["N2D"].examples} == {"joann"}


def test_the_file_of_both_directions_is_read_with_its_entities(folder, published_layout):
    """`published_layout` strips the rows of `folder`, so that the entities have to be recovered."""
    splits = load_folder(folder)
    rows = read_rows(folder / BOTH_FILE)
    assert [(row.prompt, row.completion) for row in splits.both] == [(row["prompt"], row["completion"]) for row in rows]
    assert {row.group for row in splits.both} == {"both"}
    found = both_directions(splits)
    assert {name: (len(subtask.examples), entity_count(subtask)) for name, subtask in found.items()} == {
        "N2D": (6, 3),
        "D2N": (6, 3),
    }


def test_without_the_file_of_both_directions_there_are_no_such_rows(folder):
    (folder / BOTH_FILE).unlink()
    assert load_folder(folder).both == ()
