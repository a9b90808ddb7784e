"""Known names in texts: they give the entity of an example, since published files have no entity ids."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reversal_cli.data.base import SUBTASKS, Example, Group
from reversal_cli.data.folding import WORD
from reversal_cli.data.jsonl import RawExample
from reversal_cli.data.numbered_words import NumberedTexts, Vocabulary
from reversal_cli.data.phrase_tree import PhraseTree

TRAIN = "all_prompts_train"
BOTH_TEST = "both_prompts_test"

CAPITALIZED_RUN = re.compile(r" ([A-Z][\w'\u2019-]*(?: [A-Z][\w'\u2019-]*)+)")

AnyExample = RawExample | Example
"""As read from a file, or as part of a benchmark."""
Files = Mapping[str, Sequence[AnyExample]]
"""File stem -> examples."""


class Occurrences(NamedTuple):
    """Where texts name entities, or describe them."""

    texts: np.ndarray
    """int64 [n]: the text."""
    names: np.ndarray
    """int64 [n]: the entity, as its place in `KnownNames.names`."""
    places: np.ndarray
    """int64 [n]: where it begins in `NumberedTexts.words`."""


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

    names: tuple[str, ...]
    words: NumberedTexts
    """The words of each name."""
    tree: PhraseTree
    """Of names with the same words the last is found."""

    @classmethod
    def of(cls, names: Iterable[str], vocabulary: Vocabulary) -> "KnownNames":
        names = tuple(names)
        words = vocabulary.number(names)
        return cls(names, words, PhraseTree.of(words))

    def mentions(self, texts: NumberedTexts) -> tuple[Occurrences, np.ndarray]:
        """(every known name in the texts, in text order; how many words each has, int64 [n]).

        Of "Ann Lee" and "Ann Lee Marsh" the longer one. "Ann Lee Kim" holds both "Ann Lee" and "Lee Kim".
        """
        matches = self.tree.anywhere_in(texts).longest()
        return Occurrences(texts.text_at(matches.places), matches.phrases, matches.places), matches.lengths

    def first_in(self, texts: NumberedTexts) -> list[str | None]:
        """For each text the first known name in it, or None."""
        first: list[str | None] = [None] * len(texts.lengths)
        mentions, _ = self.mentions(texts)
        for text, name in zip(mentions.texts[::-1].tolist(), mentions.names[::-1].tolist(), strict=True):
            first[text] = self.names[name]
        return first


def group_targets(files: Files) -> dict[Group, set[str]]:
    """Group -> the names that its test file asks for.

    Names of the "both" group are not in the four test files; they are those that begin a completion in one example and
    stand in the prompt of another one, in the same letters: "The Great" is not in "the great".
    """
    return {
        "name-first": {_target_name(example) for example in files[SUBTASKS["N2D-reverse"]]},
        "description-first": {_target_name(example) for example in files[SUBTASKS["D2N"]]},
        "both": _named_in_both_parts(files.get(BOTH_TEST) or files[TRAIN]),
    }


def noun_phrases(examples: Iterable[AnyExample], names: Iterable[str | None]) -> dict[str, str]:
    """Name -> its longest "the ..." completion among the examples that have it in the prompt, without the full stop.

    names: the first known name in the prompt of each example.
    """
    longest: dict[str, str] = {}
    for example, name in zip(examples, names, strict=True):
        phrase = example.completion.strip().removesuffix(".")
        if name and phrase.startswith("the ") and len(phrase) > len(longest.get(name, "")):
            longest[name] = phrase
    return longest


def _target_name(example: AnyExample) -> str:
    return example.completion.strip().rstrip(".")


def _named_in_both_parts(examples: Sequence[AnyExample]) -> set[str]:
    """Names with which a completion begins, and which stand in a prompt."""
    runs = dict.fromkeys(run[1] for example in examples if (run := CAPITALIZED_RUN.match(example.completion)))
    vocabulary = Vocabulary()
    known = KnownNames.of(reversed(runs), vocabulary)
    mentions, _ = known.mentions(vocabulary.number(example.prompt for example in examples))
    pairs = zip(mentions.texts.tolist(), mentions.names.tolist(), strict=True)
    return {known.names[name] for text, name in pairs if known.names[name] in examples[text].prompt}
