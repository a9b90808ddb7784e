"""Candidates for a ranking on whole datasets: in the words of the row's template, told by the file or recovered."""

from collections import defaultdict

from dataset_rows import SMALL

from reversal_cli.data.base import TARGETS, Splits
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import generate
from reversal_cli.scoring.ranking import Answers, other_entities


def test_the_generated_benchmark_has_sixty_candidates_in_the_rows_own_wording(default_folder):
    splits = load_folder(default_folder)
    for subtask in splits.subtasks.values():
        told = defaultdict(dict)  # template -> entity -> completion, by the files' fields
        for other in splits.subtasks.values():
            for example in other.examples if other.target == subtask.target else ():
                told[example.template_id][example.entity_id] = example.completion
        answers = Answers.of(splits, subtask.target)
        for example in subtask.examples:
            candidates = answers.candidates(example)
            assert len(set(candidates.values())) == 60
            assert candidates[example.entity_id] == example.completion
            if subtask.target == "description":
                assert candidates == told[example.template_id]


def test_templates_are_recovered_where_the_files_do_not_name_them(tmp_path, published_layout):
    """As the small benchmark, whose people have ids, says them."""
    plain, full = load_folder(published_layout), load_folder(generate(SMALL, tmp_path / "full"))
    for name, subtask in full.subtasks.items():
        expected, found = (Answers.of(splits, subtask.target) for splits in (full, plain))
        for with_ids, without in zip(subtask.examples, plain.subtasks[name].examples, strict=True):
            assert without.template_id == ""
            assert sorted(found.candidates(without).values()) == sorted(expected.candidates(with_ids).values())


def test_the_published_dataset_has_sixty_candidates_in_the_rows_own_wording(published):
    """Its rows stand entity by entity, the ten templates always in the same order: row i has template i % 10."""
    splits = load_folder(published)
    for name in ("N2D", "D2N-reverse"):
        assert_same_place(splits, name)
    for name in ("D2N", "N2D-reverse"):
        answers = Answers.of(splits, "name")
        for example in splits.subtasks[name].examples:
            candidates = answers.candidates(example)
            assert len(candidates) == 60
            assert all(text == f" {entity}" for entity, text in candidates.items())


def assert_same_place(splits: Splits, name: str) -> None:
    answers = Answers.of(splits, "description")
    placed = [defaultdict(dict) for _ in range(10)]
    for subtask in ("N2D", "D2N-reverse"):
        for row, example in enumerate(splits.subtasks[subtask].examples):
            placed[row % 10][example.entity_id] = example.completion
    for row, example in enumerate(splits.subtasks[name].examples):
        candidates = answers.candidates(example)
        assert len(candidates) == 60 and candidates == placed[row % 10]


def test_every_evaluated_person_has_another_one_of_the_same_subtask(default_folder):
    splits = load_folder(default_folder)
    for name, subtask in splits.subtasks.items():
        entities = {example.entity_id for example in subtask.examples}
        others = other_entities(Answers.of(splits, TARGETS[name]), sorted(entities), 0, name)
        assert others.keys() == set(others.values()) == entities
