"""Whom a completion names: nobody, the entity that was asked about, or another one.

Two rates that tell *how* an answer is wrong; for both, lower is better:

    shortcut      it repeats what the prompt is about: the name for a description target, the description for a name
    wrong_entity  it names somebody else of the benchmark and does not give the target
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from reversal_cli.data.base import Example, Splits, Target
from reversal_cli.data.names_in_text import holds, plain_words
from reversal_cli.data.wordings import Phrase, phrases


class Naming(NamedTuple):
    """Whom one completion names. The rates are 0 or 1."""

    shortcut: float
    wrong_entity: float
    named_entity: str | None
    """The entity that made `wrong_entity` 1: the first other one in text order."""


@dataclass(frozen=True, slots=True)
class EntityIndex:
    """Finds the entities of a benchmark in a text, word by word: "Ann Lee" is not in "Joann Leeds"."""

    owners: dict[str, Phrase | None]
    """Words of a name or of a description -> whose they are; None: they fit several entities, so they name nobody."""
    lengths: dict[str, list[int]]
    """First word -> numbers of words of the phrases that begin with it, the largest first."""

    @classmethod
    def of(cls, splits: Splits) -> "EntityIndex":
        """Everything that the entities of all three groups are called in any file of the benchmark."""
        owners: dict[str, Phrase | None] = {}
        lengths: dict[str, set[int]] = defaultdict(set)
        for phrase in phrases(splits):
            owners[phrase.words] = phrase if owners.get(phrase.words, phrase) == phrase else None
            parts = phrase.words.split()
            lengths[parts[0]].add(len(parts))
        return cls(owners, {word: sorted(found, reverse=True) for word, found in lengths.items()})

    def mentions(self, text: str) -> Iterator[Phrase]:
        """The names and descriptions in `text`, in text order, the longest at each place, none inside another one."""
        words = plain_words(text).split()
        start = 0
        while start < len(words):
            length, phrase = self._longest(words, start)
            if phrase is not None:
                yield phrase
            start += length

    def naming(self, completion: str, example: Example, target: Target) -> Naming:
        """Whom `completion` names, after the prompt of `example`, which asks for a `target`.

        shortcut: the name that stood in the prompt or, for a name target, the description in any known wording, is in
        the completion; whether the target is there too does not matter.
        wrong_entity: another entity's name or description is there, and neither the target nor, for a description
        target, another known wording of it.
        """
        mentions = list(self.mentions(completion))
        own = {phrase.kind for phrase in mentions if phrase.entity_id == example.entity_id}
        others = [phrase.entity_id for phrase in mentions if phrase.entity_id != example.entity_id]
        answered = target in own or holds(completion, example.completion)
        named = others[0] if others and not answered else None
        asked_with = "name" if target == "description" else "description"
        return Naming(float(asked_with in own), float(named is not None), named)

    def _longest(self, words: list[str], start: int) -> tuple[int, Phrase | None]:
        """(number of words, whose) of the longest known phrase that begins at `start`; (1, None) if none does."""
        for length in self.lengths.get(words[start], ()):
            text = " ".join(words[start : start + length])
            if text in self.owners:
                return length, self.owners[text]
        return 1, None
