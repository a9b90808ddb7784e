from dataclasses import replace

import pytest
from people_splits import NAMES, NOUNS, VERBS, six_people

from reversal_cli.data.base import Example, Splits, Subtask
from reversal_cli.data.names_in_text import holds, plain_words
from reversal_cli.data.template_keys import template_keys
from reversal_cli.data.wordings import MIN_WORDS, entity_names, kind_of_target, phrases

TITLE = 'Known for "Blue Bread.".'


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("I met Ann Lee.", "Ann Lee", True),
        ("i met ANN  lee's sister", "Ann Lee", True),
        ("Joann Leeds", "Ann Lee", False),
        ("Joann Lee", "Ann Lee", False),
        ("Ann Leeds", "Ann Lee", False),
        ("Ann B. Lee", "Ann Lee", False),
        ("Ann Lee-Smith", "Ann Lee", False),
        ('the maker of the opera, "Blue Bread."\'.', "maker of the opera Blue Bread", True),
    ],
)
def test_a_phrase_is_found_word_by_word_whatever_its_case_and_punctuation(text, phrase, found):
    assert holds(text, phrase) is found


def test_plain_words_have_no_punctuation_at_all():
    assert plain_words(' "Blue Bread."\'. A world-first, Ann\u2019s!') == "blue bread a world-first ann"


def test_every_entity_has_its_name_and_each_wording_that_some_file_shows():
    found = phrases(six_people())
    assert {(phrase.words, phrase.entity_id) for phrase in found if phrase.kind == "name"} == {
        (name.lower(), entity) for entity, name in NAMES.items()
    }
    for entity in NAMES:
        wordings = {phrase.words for phrase in found if (phrase.kind, phrase.entity_id) == ("description", entity)}
        assert {plain_words(NOUNS[entity]), plain_words(VERBS[entity])} <= wordings


def test_a_wording_that_stands_in_prompts_only_is_known():
    """Nothing completes the name of Bo or Cy here, and their noun phrases are not given."""
    splits = six_people()
    rows = tuple(
        replace(row, description="") for name in ("D2N", "N2D-reverse") for row in splits.subtasks[name].examples
    )
    only_names = Splits((), {"D2N": Subtask("D2N", "name", rows)}, {})
    wordings = {phrase.words for phrase in phrases(only_names) if phrase.entity_id == "bo"}
    assert wordings == {"bo stone", "built the bridge to nowhere"}


def test_no_wording_holds_the_name_or_is_shorter_than_three_words():
    splits = six_people()
    short = Example("Bo Stone is", " a sailor.", "bo", "n9", "Bo Stone", "the sailor")
    for phrase in phrases(replace(splits, train=(*splits.train, short))):
        if phrase.kind == "description":
            assert len(phrase.words.split()) >= MIN_WORDS
            assert not holds(phrase.words, NAMES[phrase.entity_id])


def test_names_come_from_name_targets_where_rows_do_not_say_them():
    splits = six_people()
    subtasks = {
        name: Subtask(name, subtask.target, tuple(replace(row, name="") for row in subtask.examples))
        for name, subtask in splits.subtasks.items()
    }
    unnamed = Splits(tuple(replace(row, name="") for row in splits.train), subtasks, {})
    assert entity_names(unnamed) == {entity: NAMES[entity] for entity in ("ann", "joann", "bo", "cy")}


def test_a_row_asks_for_a_name_when_its_completion_holds_the_name():
    for row in (*six_people().train, *six_people().both):
        expected = "name" if row.template_id.startswith("d") else "description"
        assert kind_of_target(row, NAMES[row.entity_id]) == expected


def test_templates_are_counted_within_each_entity_where_rows_do_not_name_them():
    rows = six_people(with_template_ids=False).subtasks["N2D"].examples
    assert template_keys(rows) == ["0", "1", "0", "1"]
    assert template_keys(six_people().subtasks["N2D"].examples) == ["n2", "n3", "n2", "n3"]
