"""The arrays of the audit give what a look at one text after another gives."""

import random
from collections import Counter

import pytest
from slow_audit import SlowJudge, SlowReading

from reversal_cli.data.audit.clues import Sample
from reversal_cli.data.audit.direction import Confusion, GroupSummary, find_directions
from reversal_cli.data.audit.leaks import prompt_leaks
from reversal_cli.data.audit.numbered_file import number_file, number_files
from reversal_cli.data.audit.reader import EntityReader
from reversal_cli.data.folding import folded_words
from reversal_cli.data.jsonl import RawExample
from reversal_cli.data.names_in_text import TRAIN, KnownNames
from reversal_cli.data.numbered_words import Vocabulary

NAMES = ("Ann Lee", "Lee Kim", "Bo", "Bo Lund", "Ann Lee Marsh", "Cy van Dale", "Di Ross", "--")
GROUPS = {name: ("name-first", "description-first", "both")[place % 3] for place, name in enumerate(NAMES)}
WORDS = (
    "Ann",
    "KIM",
    "bo's",
    "Lund",
    "Ross",
    "DALE",
    "dale",
    "Marsh,",
    "red-hot",
    "Lake/River",
    "...",
    "a",
    "na\u00efve",
)


def random_rows(rng: random.Random, count: int) -> list[RawExample]:
    """Most name somebody and say what is mostly said of that entity; a prompt may end within a word."""
    rows = []
    for _ in range(count):
        who = rng.randrange(len(NAMES))
        about = [NAMES[who], f"x{who} y{who}", f"x{who if rng.random() < 0.7 else 0} z"]
        parts = rng.sample(about, rng.randrange(len(about) + 1)) + rng.choices((*WORDS, *NAMES), k=rng.randrange(4))
        text = " ".join(rng.sample(parts, len(parts)))
        border = rng.randrange(len(text) + 1)
        rows.append(RawExample(text[:border], text[border:], name=rng.choice(("", NAMES[who], "Nobody"))))
    return rows


@pytest.mark.parametrize("seed", range(60))
def test_rows_are_judged_together_as_one_by_one(seed):
    rng = random.Random(seed)
    one, two, more, rows = (random_rows(rng, rng.choice((3, 20, 100))) for _ in range(4))
    vocabulary = Vocabulary()
    samples = [Sample(number_file(one, vocabulary).texts, 0.25), Sample(number_file(two, vocabulary).texts, 0.5)]
    known = KnownNames.of(NAMES, vocabulary)
    reader = EntityReader.of(known, samples, Sample(number_file(more, vocabulary).texts, 0.125))
    directions = find_directions(number_file(rows, vocabulary), reader, GROUPS)

    slow = SlowJudge(NAMES, [(one, 0.25), (two, 0.5)], (more, 0.125))
    readings = [slow.read(row.text) for row in rows]
    assert directions.groups == summaries(readings)
    for way in ("N2D", "D2N"):
        assert directions.names[way] == {name for reading in readings for name in reading.shows(way)}
        for group in set(GROUPS.values()):
            lines = [line for line, it in enumerate(readings, 1) if group in {GROUPS[name] for name in it.shows(way)}]
            assert directions.lines[group, way].tolist() == lines
    assert (directions.swapped, directions.mislabelled, directions.unclear) == faults(rows, readings)


def summaries(readings: list[SlowReading]) -> dict[str, GroupSummary]:
    found = {group: GroupSummary(entities) for group, entities in Counter(GROUPS.values()).items()}
    for reading in readings:
        for name in reading.named:
            found[GROUPS[name]].examples += 1
            found[GROUPS[name]].name_first_examples += name in reading.shows("N2D")
            found[GROUPS[name]].description_first_examples += name in reading.shows("D2N")
    return found


def faults(rows: list[RawExample], readings: list[SlowReading]) -> tuple[list[Confusion], list[Confusion], list[int]]:
    swapped, mislabelled, unclear = [], [], []
    for line, (row, reading) in enumerate(zip(rows, readings, strict=True), start=1):
        first = next(iter(reading.named), None)
        if first and reading.surely and not set(reading.surely) & set(reading.named):
            swapped.append(Confusion(line, first, reading.surely[0]))
        elif row.name and first and row.name not in reading.named:
            mislabelled.append(Confusion(line, first, row.name))
        elif not reading.shows("N2D") and not reading.shows("D2N"):
            unclear.append(line)
    return swapped, mislabelled, unclear


@pytest.mark.parametrize("seed", range(20))
def test_every_prompt_with_which_a_text_begins_is_found_at_its_first_place(seed):
    rng = random.Random(seed)
    train, test = random_rows(rng, 30), random_rows(rng, 30)
    found = list(prompt_leaks(number_files({TRAIN: train, "p2d_prompts_test": test}, Vocabulary())))
    texts = [folded_words(row.text) for row in train]
    places = {}
    for line, row in enumerate(test, start=1):
        words = folded_words(row.prompt)
        begins = [place for place, text in enumerate(texts, start=1) if words and text[: len(words)] == words]
        if begins:
            places[line] = begins[0]
    assert sum(leak.count for leak in found) == len(places)
    for leak, line in zip(found, places, strict=False):
        assert leak.where == f"p2d_prompts_test.jsonl:{line}"
        assert leak.what.endswith(f"first line {places[line]} of {TRAIN}.jsonl")


@pytest.mark.parametrize("space", ["", " "], ids=["a word across the border", "a space between"])
def test_texts_have_the_numbers_of_their_words(space):
    rows = [row._replace(completion=space + row.completion) for row in random_rows(random.Random(1), 5000)]
    vocabulary = Vocabulary()
    file = number_file(rows, vocabulary)
    for numbered, texts in ((file.prompts, [row.prompt for row in rows]), (file.texts, [row.text for row in rows])):
        words = [folded_words(text) for text in texts]
        number = {word: int(vocabulary.number([word]).words[0]) for text in words for word in text}
        assert len(set(number.values())) == len(number)
        assert [numbered.text(place).tolist() for place in range(len(rows))] == [
            [number[word] for word in text] for text in words
        ]
