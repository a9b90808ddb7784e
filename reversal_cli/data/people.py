"""Finds out who a row is about, from its text: the published files say nothing but prompt and completion."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS, Group
from reversal_cli.data.rows import Row

TRAIN = "all_prompts_train"
BOTH_TEST = "both_prompts_test"

WORD = re.compile(r"([^\W_]+(?:[-'\u2019](?!s\b)[^\W_]+)*)(?:['\u2019]s\b)?")
"""A word; a possessive 's is cut off."""
CAPITALIZED_RUN = re.compile(r" ([A-Z][\w'\u2019-]*(?: [A-Z][\w'\u2019-]*)+)")

Files = Mapping[str, Sequence[Row]]
"""File stem -> rows."""


class Word(NamedTuple):
    text: str
    start: int


class Mention(NamedTuple):
    """A known name in a text: the words from `first` up to, not including, `last`, and where its first letter is."""

    name: str
    first: int
    last: int
    start: int


def words(text: str) -> list[Word]:
    """The words of `text` with the positions of their first letters."""
    return [Word(match[1], match.start()) for match in WORD.finditer(text)]


def plain_words(text: str) -> str:
    """The words of `text` in lower case with one space between them: no punctuation, no possessive 's.

    >>> plain_words('Known for "Amber Corridor.".')
    'known for amber corridor'
    """
    return " ".join(match[1] for match in WORD.finditer(text.lower()))


def holds(text: str, phrase: str) -> bool:
    """True when the words of `phrase` stand side by side in `text`; case and punctuation do not count.

    >>> holds("I met ann lee's sister", "Ann Lee"), holds("Joann Leeds", "Ann Lee")
    (True, False)
    """
    return f" {plain_words(phrase)} " in f" {plain_words(text)} "


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names to look for, found word by word: "Ann Lee" is not in "Joann Leeds" but is in "Ann Lee's"."""

    by_first_word: dict[str, list[tuple[list[str], str]]]
    """First word -> (all words, name) of each name that begins with it, the longest first."""

    @classmethod
    def of(cls, names: Iterable[str]) -> "KnownNames":
        by_first_word = defaultdict(list)
        for name in names:
            parts = [word.text for word in words(name)]
            by_first_word[parts[0]].append((parts, name))
        for candidates in by_first_word.values():
            candidates.sort(key=lambda candidate: -len(candidate[0]))
        return cls(dict(by_first_word))

    def mentions(self, found: Sequence[Word]) -> Iterator[Mention]:
        """Every known name in the words of a text, in text order."""
        for first, word in enumerate(found):
            for parts, name in self.by_first_word.get(word.text, ()):
                last = first + len(parts)
                if [other.text for other in found[first:last]] == parts:
                    yield Mention(name, first, last, word.start)
                    break

    def first(self, text: str) -> str | None:
        """The first known name in `text`, or None."""
        mention = next(self.mentions(words(text)), None)
        return mention and mention.name


def group_targets(files: Files) -> dict[Group, set[str]]:
    """Group -> names, as the files imply it: who is a name target of which test file.

    People of the "both" group are not in the four test files; they are those who begin a completion in one row and
    stand in the prompt of another one.
    """
    rows = files.get(BOTH_TEST) or files[TRAIN]
    runs = {run[1] for row in rows if (run := CAPITALIZED_RUN.match(row["completion"]))}
    known = KnownNames.of(runs)
    return {
        "name-first": {_target_name(row) for row in files[SUBTASKS["N2D-reverse"]]},
        "description-first": {_target_name(row) for row in files[SUBTASKS["D2N"]]},
        "both": {mention.name for row in rows for mention in known.mentions(words(row["prompt"]))},
    }


def noun_phrases(rows: Iterable[Row], known: KnownNames) -> dict[str, str]:
    """Name -> its longest "the ..." completion among rows that have the name in the prompt, without the full stop."""
    longest: dict[str, str] = {}
    for row in rows:
        phrase = row["completion"].strip().removesuffix(".")
        name = known.first(row["prompt"]) if phrase.startswith("the ") else None
        if name and len(phrase) > len(longest.get(name, "")):
            longest[name] = phrase
    return longest


def _target_name(row: Row) -> str:
    return row["completion"].strip().rstrip(".")
