"""Which rows share a template where the files do not say it."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from reversal_cli.data.base import Example, Subtask
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.template_keys import known_templates, template_keys, with_template_ids
from reversal_cli.evaluation.controls import in_context

NAMES = ("Ann Low", "Bo Hay", "Cy Ray", "Di Fox")
FRAMES = ("Known as {},", "Known for {},", "The one called {} is", "Meet {}:", "{} is")
"""The last begins with what differs."""


def rows(frames: tuple[str, ...]) -> list[Example]:
    return [Example(frame.format(name), " x", name) for name in NAMES for frame in frames]


def keys(examples: list[Example]) -> list[str] | None:
    return known_templates(
        [example.entity_id for example in examples], [""] * len(examples), [example.prompt for example in examples]
    )


def test_rows_that_begin_alike_share_a_template():
    assert keys(rows(FRAMES[:4])) == ["0", "1", "2", "3"] * 4


@pytest.mark.parametrize("seed", range(10))
def test_missing_rows_and_another_order_do_no_harm(seed):
    examples = rows(FRAMES[:4])
    truth = dict(zip((example.prompt for example in examples), [0, 1, 2, 3] * 4, strict=True))
    shuffled = random.Random(seed).sample(examples, 14)
    found = keys(shuffled)
    assert len({(truth[example.prompt], key) for example, key in zip(shuffled, found, strict=True)}) == 4


def test_a_template_that_begins_with_what_differs_is_not_recognised():
    assert keys(rows(FRAMES)) is None
    subtask = Subtask("N2D", "description", tuple(rows(FRAMES)))
    assert with_template_ids(subtask) is subtask
    assert template_keys(subtask.examples) == ["0", "1", "2", "3", "4"] * 4


def test_ids_of_the_file_are_kept_and_others_added():
    named = [replace(example, template_id="n1") for example in rows(FRAMES[:1])]
    assert with_template_ids(Subtask("N2D", "description", tuple(named))).examples == tuple(named)
    found = with_template_ids(Subtask("N2D", "description", tuple(rows(FRAMES[:2]))))
    assert [example.template_id for example in found.examples] == ["0", "1"] * 4


def test_the_same_prompt_twice_about_one_entity_is_one_template():
    twice = [Example("Known as", " x", name) for name in NAMES for _ in range(2)]
    assert keys(twice) == ["0"] * 8


def test_the_published_files_have_ten_templates_in_one_order_even_when_shuffled_and_cut(published: Path):
    splits = load_folder(published)
    for subtask in splits.subtasks.values():
        assert keys(list(subtask.examples)) == [str(row % 10) for row in range(300)]
        place = {example.prompt: row % 10 for row, example in enumerate(subtask.examples)}
        cut = random.Random(0).sample(subtask.examples, 270)
        pairs = {(place[example.prompt], key) for example, key in zip(cut, keys(cut), strict=True)}
        assert len(pairs) == 10
    for subtask in in_context(splits).values():
        assert [example.template_id for example in subtask.examples] == [str(row % 10) for row in range(300)]
