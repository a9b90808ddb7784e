"""The entities that a completion names, and two rates of wrong answers; for both, lower is better.

shortcut      repeats what the prompt is about: the name if the target is a description, the description if it is
              a name
wrong_entity  names another entity of the benchmark and does not contain the target
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from reversal_cli.data.base import Example, Splits, Target
from reversal_cli.data.names_in_text import holds, plain_words
from reversal_cli.data.wordings import Phrase, phrases


class Naming(NamedTuple):
    """The rates of one completion, 0 or 1, and the entity it names."""

    shortcut: float
    wrong_entity: float
    named_entity: str | None
    """The entity that made `wrong_entity` 1: the first other one in text order."""


@dataclass(frozen=True, slots=True)
class EntityIndex:
    """Finds the entities of a benchmark in a text, word by word: "Ann Lee" is not in "Joann Leeds"."""

    owners: dict[str, Phrase | None]
    """Words of a name or description -> its entity and kind; None if they fit several entities and so name none."""
    lengths: dict[str, list[int]]
    """First word -> lengths in words of the phrases that begin with it, the longest first."""

    @classmethod
    def of(cls, splits: Splits) -> "EntityIndex":
        """The index of the names and descriptions of all entities in any file of the benchmark."""
        owners: dict[str, Phrase | None] = {}
        lengths: dict[str, set[int]] = defaultdict(set)
        for phrase in phrases(splits):
            owners[phrase.words] = phrase if owners.get(phrase.words, phrase) == phrase else None
            parts = phrase.words.split()
            lengths[parts[0]].add(len(parts))
        return cls(owners, {word: sorted(sizes, reverse=True) for word, sizes in lengths.items()})

    def mentions(self, text: str) -> Iterator[Phrase]:
        """The names and descriptions in `text`, in text order: the longest at each place, without overlaps."""
        words = plain_words(text).split()
        start = 0
        while start < len(words):
            length, phrase = self._longest(words, start)
            if phrase is not None:
                yield phrase
            start += length

    def naming(self, completion: str, example: Example, target: Target) -> Naming:
        """The rates of `completion` as the answer to the prompt of `example`, whose target is a name or a description.

        shortcut: the completion contains the name or, for a name target, any known wording of the description, whether
        or not it contains the target too.
        wrong_entity: it contains the name or description of another entity, and neither the target nor, for a
        description target, another known wording of it.
        """
        mentions = list(self.mentions(completion))
        right_kinds = {phrase.kind for phrase in mentions if phrase.entity_id == example.entity_id}
        others = [phrase.entity_id for phrase in mentions if phrase.entity_id != example.entity_id]
        is_right = target in right_kinds or holds(completion, example.completion)
        wrong_entity = others[0] if others and not is_right else None
        prompt_kind = "name" if target == "description" else "description"
        return Naming(float(prompt_kind in right_kinds), float(wrong_entity is not None), wrong_entity)

    def _longest(self, words: list[str], start: int) -> tuple[int, Phrase | None]:
        """Length in words and entity of the longest known phrase that begins at `start`; (1, None) if none does."""
        for length in self.lengths.get(words[start], ()):
            text = " ".join(words[start : start + length])
            if text in self.owners:
                return length, self.owners[text]
        return 1, None
