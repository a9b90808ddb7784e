"""Who is shown which way round, judged from words."""

import pytest

from reversal_cli.data.audit.clues import Sample
from reversal_cli.data.audit.direction import find_directions
from reversal_cli.data.audit.numbered_file import number_file
from reversal_cli.data.audit.reader import EntityReader
from reversal_cli.data.jsonl import RawExample
from reversal_cli.data.names_in_text import KnownNames
from reversal_cli.data.numbered_words import Vocabulary

PEOPLE = {
    "Ada Berg": "the quiet composer of the opera Amber Corridor",
    "Ada Berger": "the loud composer of the opera Silver Lake",
    "Uma van der Lund": "the calm baker of the cake Golden Hill",
}


class JudgeOfTexts:
    """Judges one text at a time."""

    def __init__(self, people, samples, more=None):
        self.vocabulary = Vocabulary()
        known = KnownNames.of(people, self.vocabulary)
        samples = [self.sample(rows) for rows in samples]
        self.reader = EntityReader.of(known, samples, more and self.sample(more))
        self.groups = dict.fromkeys(people, "both")

    def sample(self, rows):
        return Sample(number_file(rows, self.vocabulary).texts)

    def named(self, text: str) -> list[str]:
        reading = self.reader.read(number_file([RawExample(text, "")], self.vocabulary))
        return list(dict.fromkeys(self.reader.known.names[entity] for entity in reading.named.names))

    def shown(self, text: str) -> dict[str, tuple[str, ...]]:
        names = self.read(text).names
        return {name: tuple(way for way in ("N2D", "D2N") if name in names[way]) for name in self.named(text)}

    def mismatched(self, text: str) -> bool:
        return bool(self.read(text).swapped)

    def read(self, text: str):
        return find_directions(number_file([RawExample(text, "")], self.vocabulary), self.reader, self.groups)


def rows_about(people) -> list[RawExample]:
    return [RawExample(f"{name} is", f" {description}.") for name, description in people.items()]


READER = JudgeOfTexts(PEOPLE, [rows_about(PEOPLE)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada Berg composed the opera Amber Corridor.", {"Ada Berg": ("N2D",)}),
        ("Composing the opera Amber Corridor made Ada Berg's name.", {"Ada Berg": ("D2N",)}),
        ("Ada Berger composed the opera Amber Corridor.", {"Ada Berger": ()}),
        (
            "Amber Corridor is by Ada Berg, and Ada Berger wrote Silver Lake.",
            {"Ada Berg": ("D2N",), "Ada Berger": ("N2D",)},
        ),
        ("Nobody composed the opera Amber Corridor.", {}),
        ("Ada Berg wrote Amber Corridor. And Amber Corridor is by Ada Berg.", {"Ada Berg": ("N2D", "D2N")}),
        ("For Ada Berg, remember that who wrote Amber Corridor is Ada Berg.", {"Ada Berg": ("N2D", "D2N")}),
        ("Amber Corridor is by Ada Berg, who wrote Amber Corridor.", {"Ada Berg": ("N2D", "D2N")}),
        ("AMBER CORRIDOR is by ADA BERG.", {"Ada Berg": ("D2N",)}),
        ("amber corridor is by ada  berg", {"Ada Berg": ("D2N",)}),
        ("The composer of Amber Corridor is Berg.", {"Ada Berg": ("D2N",)}),
        ("Berg's opera is called Amber Corridor.", {"Ada Berg": ("N2D",)}),
        ("The cake Golden Hill was LUND's.", {"Uma van der Lund": ("D2N",)}),
        ("The opera Amber Corridor is about a berg.", {}),
        ("Ada wrote Amber Corridor.", {}),
    ],
)
def test_the_direction_is_judged_from_all_mentions(text, expected):
    assert READER.shown(text) == expected


def test_a_surname_that_is_also_a_word_of_somebodys_texts_is_no_name():
    people = {"Ada Lake": "the composer of Amber Corridor", "Bo Hill": "the composer of Silver Lake"}
    reader = JudgeOfTexts(people, [rows_about(people)])
    assert reader.named("Amber Corridor is by Lake, Silver Lake by Hill.") == ["Bo Hill"]


def test_a_surname_of_two_people_is_nobodys():
    people = {"Ada Berg": "the composer of Amber Corridor", "Bo Berg": "the composer of Silver Lake"}
    assert JudgeOfTexts(people, [rows_about(people)]).named("Amber Corridor is by Berg.") == []


@pytest.mark.parametrize(
    ("text", "mismatched"),
    [
        ("Ada Berg wrote Silver Lake.", True),
        ("Silver Lake is by Ada Berg.", True),
        ("Silver Lake is by Berger.", False),
        ("Ada Berg, not Ada Berger, wrote Amber Corridor.", False),
        ("Ada Berg was here.", False),
        ("Somebody wrote Silver Lake.", False),
    ],
)
def test_the_name_of_one_and_the_description_of_another_is_a_mismatch(text, mismatched):
    assert READER.mismatched(text) is mismatched


def test_one_swapped_row_changes_no_owner():
    right = rows_about(PEOPLE)
    swapped = RawExample("Ada Berg is", f" {PEOPLE['Ada Berger']}.")
    reader = JudgeOfTexts(PEOPLE, [[*right * 4, swapped]])
    assert reader.mismatched(swapped.text)
    assert not any(reader.mismatched(row.text) for row in right)


def test_where_the_samples_contradict_one_another_further_texts_decide():
    right = rows_about(PEOPLE)
    swapped = [
        RawExample("Ada Berg is", right[1].completion),
        RawExample("Ada Berger is", right[0].completion),
        right[2],
    ]
    reader = JudgeOfTexts(PEOPLE, [right, swapped], right)
    assert [reader.mismatched(row.text) for row in (*right, *swapped)] == [False] * 3 + [True, True, False]
