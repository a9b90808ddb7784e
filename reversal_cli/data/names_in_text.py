"""Finds out which entity a row is about, from its text: the published files say nothing but prompt and completion."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS, Example, Group
from reversal_cli.data.folding import WORD, folded_words
from reversal_cli.data.jsonl import Row

TRAIN = "all_prompts_train"
BOTH_TEST = "both_prompts_test"

CAPITALIZED_RUN = re.compile(r" ([A-Z][\w'\u2019-]*(?: [A-Z][\w'\u2019-]*)+)")

AnyRow = Row | Example
"""A row as it is read, or as it is used."""
Files = Mapping[str, Sequence[AnyRow]]
"""File stem -> rows."""


class Mention(NamedTuple):
    """A known name in a text: its words are those from `first` up to, not including, `last`."""

    name: str
    first: int
    last: int


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
    """The names to look for, word by word in any case: "Ann Lee" is in "ANN LEE's", not in "Joann Leeds"."""

    by_words: dict[tuple[str, ...], str]
    """Folded words of a name -> the name."""
    lengths: dict[str, list[int]]
    """First word -> how many words the names have that begin with it, the longest first."""

    @classmethod
    def of(cls, names: Iterable[str]) -> "KnownNames":
        by_words = {tuple(folded_words(name)): name for name in names}
        lengths: dict[str, set[int]] = defaultdict(set)
        for parts in by_words:
            if parts:
                lengths[parts[0]].add(len(parts))
        return cls(by_words, {first: sorted(found, reverse=True) for first, found in lengths.items()})

    def mentions(self, words: Sequence[str]) -> list[Mention]:
        """Every known name in the folded words of a text, in text order."""
        starts = compress(count(), map(self.lengths.__contains__, words))
        return [mention for first in starts if (mention := self._mention_at(first, words))]

    def first(self, text: str) -> str | None:
        """The first known name in `text`, or None."""
        mentions = self.mentions(folded_words(text))
        return mentions[0].name if mentions else None

    def _mention_at(self, first: int, words: Sequence[str]) -> Mention | None:
        for length in self.lengths[words[first]]:
            name = self.by_words.get(tuple(words[first : first + length]))
            if name is not None:
                return Mention(name, first, first + length)
        return None


def group_targets(files: Files) -> dict[Group, set[str]]:
    """Group -> names, as the files imply it: who is a name target of which test file.

    Entities of the "both" group are not in the four test files; they are those that begin a completion in one row and
    stand in the prompt of another one, in the same letters: "The Great" is not in "the great".
    """
    rows = files.get(BOTH_TEST) or files[TRAIN]
    runs = {run[1] for row in rows if (run := CAPITALIZED_RUN.match(row.completion))}
    known = KnownNames.of(runs)
    return {
        "name-first": {_target_name(row) for row in files[SUBTASKS["N2D-reverse"]]},
        "description-first": {_target_name(row) for row in files[SUBTASKS["D2N"]]},
        "both": {
            mention.name
            for row in rows
            for mention in known.mentions(folded_words(row.prompt))
            if mention.name in row.prompt
        },
    }


def noun_phrases(rows: Iterable[AnyRow], known: KnownNames) -> dict[str, str]:
    """Name -> its longest "the ..." completion among rows that have the name in the prompt, without the full stop."""
    longest: dict[str, str] = {}
    for row in rows:
        phrase = row.completion.strip().removesuffix(".")
        name = known.first(row.prompt) if phrase.startswith("the ") else None
        if name and len(phrase) > len(longest.get(name, "")):
            longest[name] = phrase
    return longest


def _target_name(row: AnyRow) -> str:
    return row.completion.strip().rstrip(".")
