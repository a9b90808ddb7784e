"""Rows that show one-direction entities in the other direction too."""

import json
import tempfile
from pathlib import Path

import pytest
from people_splits import six_people

from reversal_cli.data.base import Example
from reversal_cli.data.name_description.generator import Options, generate
from reversal_cli.errors import ReversalError
from reversal_cli.transforms.both import Both

FIELDS = ("prompt", "completion", "entity_id", "template_id", "name", "description", "group")
OTHER = {"name-first": "D2N", "description-first": "N2D"}


def rows_of(stem: str) -> list[Example]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = generate(Options(entities=4, train_templates=12, test_templates=3), Path(scratch) / "data")
        lines = (folder / f"{stem}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Example(*(json.loads(line)[field] for field in FIELDS)) for line in lines]


EXAMPLES = rows_of("all_prompts_train")


def other_direction(examples) -> list[Example]:
    return [example for example in examples if example.template_id[:3] == OTHER.get(example.group)]


def test_every_entity_gets_a_row_for_each_training_template_of_the_other_direction():
    examples = Both().examples(EXAMPLES, seed=0)
    assert examples[: len(EXAMPLES)] == EXAMPLES
    added = examples[len(EXAMPLES) :]
    assert added == other_direction(examples) and len(set(added)) == 2 * 4 * 12
    trained = {example.template_id for example in EXAMPLES if example.group == "both"}
    assert {example.template_id for example in added} == trained


def test_added_rows_are_what_the_generator_writes_about_that_entity_in_that_template():
    """The generator's own rows about a both-group entity, made again from a one-direction entity in its place."""
    both = [example for example in EXAMPLES if example.group == "both"]
    one = next(example for example in both if example.template_id.startswith("N2D"))
    as_one_direction = [
        Example(e.prompt, e.completion, e.entity_id, e.template_id, e.name, e.description, "name-first")
        if e.entity_id == one.entity_id
        else e
        for e in EXAMPLES
        if e.entity_id != one.entity_id or e.template_id.startswith("N2D")
    ]
    added = Both().examples(as_one_direction, seed=0)[len(as_one_direction) :]
    texts = {example.text for example in added if example.entity_id == one.entity_id}
    assert texts == {e.text for e in both if e.entity_id == one.entity_id and e.template_id.startswith("D2N")}


def test_no_test_prompt_is_trained():
    prompts = {e.prompt for stem in ("p2d_reverse_prompts_test", "d2p_reverse_prompts_test") for e in rows_of(stem)}
    assert prompts.isdisjoint(example.prompt for example in Both().examples(EXAMPLES, seed=0))


def test_a_larger_share_has_the_entities_of_a_smaller_one():
    chosen = [
        {e.entity_id for e in other_direction(Both(share=share).examples(EXAMPLES, seed=0))}
        for share in (0.01, 0.5, 0.75, 1.0)
    ]
    assert [len(entities) for entities in chosen] == [2, 4, 6, 8]
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3]


def test_replacing_swaps_half_of_an_entitys_rows():
    examples = Both(mode="replace", share=0.5).examples(EXAMPLES, seed=0)
    assert len(examples) == len(EXAMPLES)
    changed = [index for index, example in enumerate(examples) if example != EXAMPLES[index]]
    assert len(changed) == 2 * 2 * 6
    assert all(examples[index].entity_id == EXAMPLES[index].entity_id for index in changed)
    assert [examples[index] for index in changed] == other_direction(examples)


def test_replacing_half_of_a_single_row_is_refused():
    firsts = list({example.entity_id: example for example in EXAMPLES}.values())
    Both().check(firsts)
    with pytest.raises(ReversalError, match=r"transform.mode: 'replace' .* has 1; expected 2 or more; choose 'add'"):
        Both(mode="replace").check(firsts)


def test_a_dataset_that_the_generator_did_not_write_is_refused_in_one_line():
    for examples in (
        six_people().train,
        [*EXAMPLES[:2], Example("Ann is", " the cook.", "a", "N2D-01", "Ann", "the cook")],
    ):
        with pytest.raises(
            ReversalError, match=r"^transform\.name: 'both' cannot tell the template of training row \d"
        ):
            Both().check(examples)
    Both().check(EXAMPLES)
