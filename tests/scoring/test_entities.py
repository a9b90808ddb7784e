import random
from dataclasses import replace

import pytest
from people_splits import NAMES, NOUNS, VERBS, six_people

from reversal_cli.data.base import Example
from reversal_cli.data.names_in_text import plain_words
from reversal_cli.data.wordings import Phrase, phrases
from reversal_cli.scoring.entities import EntityIndex, Naming

SPLITS = six_people()
INDEX = EntityIndex.of(SPLITS)
NOTHING = Naming(0.0, 0.0, None)
LONGEST_FIRST = sorted(phrases(SPLITS), key=lambda phrase: -len(phrase.words.split()))


def naming(completion: str, subtask: str, entity: str) -> Naming:
    rows = SPLITS.subtasks[subtask]
    row = next(row for row in rows.examples if row.entity_id == entity)
    return INDEX.naming(completion, row, rows.target)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (" Ann Lee", NOTHING),
        (" ann lee's sister", NOTHING),
        (" nobody at all", NOTHING),
        ("", NOTHING),
        (" Joann Leeds", Naming(0.0, 1.0, "joann")),
        (" Cy Marsh and Bo Stone", Naming(0.0, 1.0, "cy")),
        (" Cy Marsh, or Ann Lee", NOTHING),
        (" the person who won the Long Race", Naming(0.0, 1.0, "ed")),
        (' the person who baked the "blue bread".', Naming(1.0, 0.0, None)),
        (" baked the Blue Bread with Ed Hill", Naming(1.0, 1.0, "ed")),
        (" Ann Lee, who baked the Blue Bread", Naming(1.0, 0.0, None)),
    ],
)
def test_what_a_completion_names_where_the_target_is_a_name(completion, expected):
    assert naming(completion, "N2D-reverse", "ann") == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (" the person who built the bridge to Nowhere.", NOTHING),
        (" somebody who built the bridge to nowhere, and won the long race", NOTHING),
        (" the person who built", NOTHING),
        (" the person who won the long race", Naming(0.0, 1.0, "ed")),
        (" Bo Stone", Naming(1.0, 0.0, None)),
        (" Bo Stonehill", NOTHING),
        (" Bo Stone, who painted the barn red", Naming(1.0, 1.0, "cy")),
        (" a friend of Di Fox", Naming(0.0, 1.0, "di")),
    ],
)
def test_what_a_completion_names_where_the_target_is_a_description(completion, expected):
    assert naming(completion, "D2N-reverse", "bo") == expected


def test_the_name_of_another_entity_counts_although_it_has_the_letters_of_the_target():
    """`contains` says 1 here: "Joann Leeds" has the letters of "Ann Lee"."""
    assert naming(" Joann Leeds", "N2D-reverse", "ann").named_entity == "joann"


def test_no_target_is_a_shortcut_or_a_wrong_entity():
    for subtask in SPLITS.subtasks.values():
        for row in subtask.examples:
            assert INDEX.naming(row.completion, row, subtask.target) == NOTHING


def test_the_target_of_anybody_else_is_a_wrong_entity():
    for subtask in SPLITS.subtasks.values():
        for row in subtask.examples:
            for other in subtask.examples:
                if other.entity_id != row.entity_id:
                    expected = Naming(0.0, 1.0, other.entity_id)
                    assert INDEX.naming(other.completion, row, subtask.target) == expected


def test_repeating_the_prompt_is_always_a_shortcut():
    for subtask in SPLITS.subtasks.values():
        for row in subtask.examples:
            assert INDEX.naming(row.prompt, row, subtask.target) == Naming(1.0, 0.0, None)


def slow_mentions(text: str) -> list[Phrase]:
    """At each word all phrases are tried, the longest first; a match is skipped over."""
    rest, found = plain_words(text).split(), []
    while rest:
        match = next((p for p in LONGEST_FIRST if rest[: len(p.words.split())] == p.words.split()), None)
        found += [match] if match else []
        rest = rest[len(match.words.split()) if match else 1 :]
    return found


def test_mentions_are_those_of_a_search_for_every_phrase_at_every_word():
    draw = random.Random(0)
    pieces = [*NAMES.values(), *NOUNS.values(), *VERBS.values(), "the person", "who", "Ann", "the", "of course", "won"]
    named = 0
    for _ in range(300):
        text = " ".join(draw.choices(pieces, k=draw.randint(1, 6)))
        named += len(slow_mentions(text))
        assert list(INDEX.mentions(text)) == slow_mentions(text)
    assert named > 300


def test_words_that_fit_two_entities_name_neither():
    twin = Example(
        "Ann Lee is", " the third twin here.", "other-ann", "n2", "Ann Lee", "the person who won the Long Race"
    )
    index = EntityIndex.of(replace(SPLITS, train=(*SPLITS.train, twin)))
    row = SPLITS.subtasks["D2N"].examples[0]
    assert index.naming(" Ann Lee", row, "name") == NOTHING
    assert index.naming(" the person who won the Long Race", row, "name") == NOTHING
    assert index.naming(" the third twin here", row, "name").named_entity == "other-ann"
    assert index.naming(" won the Long Race", row, "name").named_entity == "ed"


def test_the_longest_known_words_decide():
    longer = Example("X", " y", "ann-b", "n2", "Ann Lee Cook", "")
    index = EntityIndex.of(replace(SPLITS, train=(*SPLITS.train, longer)))
    row = SPLITS.subtasks["D2N"].examples[0]
    assert index.naming(" Ann Lee Cook", row, "name").named_entity == "ann-b"
    assert index.naming(" Ann Lee cooks", row, "name").named_entity == "ann"
