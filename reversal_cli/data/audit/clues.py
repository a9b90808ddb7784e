"""How an entity is recognised without the full name: the surname, and word pairs that only one description has.

A distinguishing word pair is two neighbouring words that, among all descriptions, this entity's have ("Amber Corridor";
never "the opera", once two entities wrote operas).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from reversal_cli.data.folding import folded_words
from reversal_cli.data.names_in_text import AnyRow, KnownNames, Mention

WordPair = tuple[str, str]

NAME = "\0"
"""Stands for each word of a name once the name is found, so that no word pair reaches into a name."""
MAX_OWNERS = 4
"""A pair that more entities share distinguishes none. Not 1: a completion that was swapped adds an entity."""
MIN_SHARE = 0.6
"""Of the votes for a pair, so many must be for one entity: swapped rows change no owner, and shared words have none."""
SETTLED = 0.75
"""An entity is known that owns a pair that stands in such a share of the texts about it ..."""
STRONG = 0.5
"""... and a pair in such a share of them is strong: one swapped row cannot give an entity a pair like that."""


class Sample(NamedTuple):
    """Rows that name and describe entities, and how many votes a row has."""

    rows: Sequence[AnyRow]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Clues:
    owners: Mapping[WordPair, str]
    """Distinguishing word pair -> the one entity it belongs to."""
    strong: frozenset[WordPair]
    """Those of them that stand in most texts about that entity."""
    first_words: frozenset[str]
    """The words with which such a pair begins: most words of a text are none of them."""
    surnames: Mapping[str, str]
    """Folded surname -> the one entity that has it; none that also stands outside that name."""


def learn_clues(known: KnownNames, samples: Sequence[Sample], more: Sample | None = None) -> Clues:
    """The clues in sample texts. Words of a template need no care: the texts of all entities have them.

    `more`, texts about the same facts, is asked only where the samples contradict one another, as when all answers of
    a test file are swapped: it decides whose a pair is, and brings no new ones.
    """
    votes = _Votes()
    surnames = _unique_surnames(known)
    for sample in samples:
        for row in sample.rows:
            words, mentions = without_names(known, row.text)
            votes.add(words, mentions, sample.weight)
            if not surnames.keys().isdisjoint(words):
                surnames = {word: name for word, name in surnames.items() if word not in words}
    owners = votes.owners()
    if more and {owners[pair] for pair in votes.strong(owners, SETTLED)} != votes.entities.keys():
        for row in more.rows:
            votes.confirm(*without_names(known, row.text), more.weight)
        owners = votes.owners()
    return Clues(owners, votes.strong(owners, STRONG), frozenset(first for first, _ in owners), surnames)


def without_names(known: KnownNames, text: str) -> tuple[list[str], list[Mention]]:
    """(folded words of `text` with `NAME` for each word of a known name, the names that stood there)."""
    words = folded_words(text)
    mentions = known.mentions(words)
    for _, first, last in mentions:
        words[first:last] = [NAME] * (last - first)
    return words, mentions


def _unique_surnames(known: KnownNames) -> dict[str, str]:
    """Last word -> name, for the words that are in no other name."""
    in_names = Counter(word for words in known.by_words for word in set(words))
    return {words[-1]: name for words, name in known.by_words.items() if len(words) > 1 and in_names[words[-1]] == 1}


@dataclass(slots=True)
class _Votes:
    """Who is named in the texts that hold a word pair."""

    pairs: dict[WordPair, dict[str, float]] = field(default_factory=dict)
    """Word pair -> name -> votes."""
    shared: set[WordPair] = field(default_factory=set)
    """Pairs of more than `MAX_OWNERS` entities."""
    entities: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Name -> votes of all its texts."""

    def add(self, words: Sequence[str], mentions: Sequence[Mention], weight: float) -> None:
        found = set(pairwise(words)) - self.shared
        for name in {mention.name for mention in mentions}:
            self.entities[name] += weight
            for pair in found:
                self._vote(pair, name, weight)

    def confirm(self, words: Sequence[str], mentions: Sequence[Mention], weight: float) -> None:
        """As `add`, for the pairs that have votes already."""
        found = self.pairs.keys() & pairwise(words)
        for name in {mention.name for mention in mentions} if found else ():
            for pair in found:
                self._vote(pair, name, weight)

    def owners(self) -> dict[WordPair, str]:
        owners = {}
        for pair, votes in self.pairs.items():
            name = max(votes, key=votes.__getitem__)
            if votes[name] > MIN_SHARE * sum(votes.values()) and NAME not in pair:
                owners[pair] = name
        return owners

    def strong(self, owners: Mapping[WordPair, str], share: float) -> frozenset[WordPair]:
        """The pairs that stand in `share` of their owner's texts, or more of them."""
        return frozenset(pair for pair, name in owners.items() if self.pairs[pair][name] >= share * self.entities[name])

    def _vote(self, pair: WordPair, name: str, weight: float) -> None:
        votes = self.pairs.setdefault(pair, {})
        votes[name] = votes.get(name, 0.0) + weight
        if len(votes) > MAX_OWNERS:
            del self.pairs[pair]
            self.shared.add(pair)
