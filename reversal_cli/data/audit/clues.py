"""How an entity is recognised without the full name: the surname, and word pairs that only one description has.

A distinguishing word pair is two neighbouring words that only this entity's description has ("Amber Corridor"; not
"the opera" if two entities wrote operas).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reversal_cli.data.arrays import distinct, is_new, look_up, ranges
from reversal_cli.data.names_in_text import KnownNames, Occurrences
from reversal_cli.data.numbered_words import NumberedTexts, joined_texts
from reversal_cli.data.phrase_tree import PhraseTree

NAME = 0
"""Replaces each word of a name, so that no word pair reaches into a name."""
MAX_OWNERS = 4
"""A pair that more entities share distinguishes none. Not 1: a completion that was swapped adds an entity."""
MIN_SHARE = 0.6
"""Share of its votes that makes an entity the owner of a pair: high enough that shared words have no owner, and low
enough that swapped examples change none."""
RECOGNISED_SHARE = 0.75
"""An entity is recognised by a pair that stands in at least this share of the texts about it."""
STRONG_SHARE = 0.5
"""A pair in at least this share of them is strong: one swapped example cannot make one."""


class Sample(NamedTuple):
    """Texts that name and describe entities, and the votes of each text."""

    texts: NumberedTexts
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Clues:
    """What tells entities apart. An entity is its place in `KnownNames.names`."""

    pairs: PhraseTree
    """The distinguishing word pairs."""
    owners: np.ndarray
    """int64 [p]: the one entity to which each pair belongs."""
    is_strong: np.ndarray
    """bool [p]: whether the pair stands in most texts about that entity."""
    surnames: dict[int, int]
    """Number of a surname -> the only entity with it; no surname that also stands outside of names."""


def learn_clues(known: KnownNames, samples: Sequence[Sample], more: Sample | None = None) -> Clues:
    """The clues in sample texts. Words of a template are no clues: the texts of all entities have them.

    more: texts about the same facts, used only if the samples contradict one another, as when all answers of a test
    file are swapped. They decide the owner of a pair and bring no new pairs.
    """
    texts, mentions = without_names(known, joined_texts([sample.texts for sample in samples]))
    weights = np.repeat([sample.weight for sample in samples], [len(sample.texts.lengths) for sample in samples])
    namings = _namings(mentions, len(known.names))
    entities = np.bincount(namings.names, weights[namings.texts], len(known.names))
    votes = _cast(texts, namings, weights).summed()
    recognised = votes.names[votes.is_owner() & (votes.weights >= RECOGNISED_SHARE * entities[votes.names])]
    if more and len(distinct(recognised)) != np.count_nonzero(entities):
        votes = _confirmed(votes, known, more)
    is_owner = votes.is_owner()
    pairs, owners = votes.pairs[is_owner], votes.names[is_owner]
    is_strong = votes.weights[is_owner] >= STRONG_SHARE * entities[owners]
    return Clues(_tree_of(pairs), owners, is_strong, _surnames(known, texts))


def without_names(known: KnownNames, texts: NumberedTexts) -> tuple[NumberedTexts, Occurrences]:
    """(the texts with `NAME` for each word of a known name, the names that stood there in text order)."""
    mentions, lengths = known.mentions(texts)
    words = texts.words.copy()
    words[ranges(mentions.places, lengths)] = NAME
    return texts._replace(words=words), mentions


def _surnames(known: KnownNames, texts: NumberedTexts) -> dict[int, int]:
    """Last word -> entity, for the words that are in no other name, nor outside of names in `texts`."""
    names = {entity: known.words.text(entity).tolist() for entity in distinct(known.tree.same).tolist()}
    in_names = Counter(word for words in names.values() for word in set(words))
    last = {words[-1]: entity for entity, words in names.items() if len(words) > 1 and in_names[words[-1]] == 1}
    outside = set(distinct(texts.words[np.isin(texts.words, list(last))]).tolist())
    return {word: entity for word, entity in last.items() if word not in outside}


class _Namings(NamedTuple):
    """Which text names which entity: each entity once per text, texts ascending."""

    texts: np.ndarray
    names: np.ndarray


def _namings(mentions: Occurrences, count: int) -> _Namings:
    return _Namings(*np.divmod(distinct(mentions.texts * count + mentions.names), max(count, 1)))


class _Votes(NamedTuple):
    """The entities that are named in the texts with a word pair."""

    pairs: np.ndarray
    """int64 [v]: number of the first word << 32 | number of the second."""
    names: np.ndarray
    """int64 [v]: the entity."""
    weights: np.ndarray
    """float64 [v]"""

    def summed(self) -> "_Votes":
        """One vote for each pair and entity, by pair, without the pairs of more than `MAX_OWNERS` entities.

        Weights are fractions, so here and in `is_owner` they are added in the order of the texts.
        """
        order = np.lexsort((self.names, self.pairs))
        is_first = is_new(self.pairs[order]) | is_new(self.names[order])
        weights = np.bincount(np.cumsum(is_first) - 1, self.weights[order])
        first = order[is_first]
        by_text = np.lexsort((first, self.pairs[first]))
        pairs, names, weights = self.pairs[first[by_text]], self.names[first[by_text]], weights[by_text]
        is_rare = np.bincount(_numbered(pairs))[_numbered(pairs)] <= MAX_OWNERS
        return _Votes(pairs[is_rare], names[is_rare], weights[is_rare])

    def is_owner(self) -> np.ndarray:
        """bool [v]: whether the pair belongs to the entity. For votes that are summed."""
        pair = _numbered(self.pairs)
        return self.weights > MIN_SHARE * np.bincount(pair, self.weights)[pair]


def _numbered(ascending: np.ndarray) -> np.ndarray:
    """int64 [n]: 0 for the first distinct key, 1 for the next, and so on."""
    return np.cumsum(is_new(ascending)) - 1


def _cast(texts: NumberedTexts, namings: _Namings, weights: np.ndarray) -> _Votes:
    """A vote of each text for each of its pairs and each entity that it names. weights: float64 [t], of the texts."""
    counts = np.bincount(namings.texts, minlength=len(texts.lengths))
    pairs, text = _pairs_by_text(texts)
    sizes = counts[text]
    which = ranges((np.cumsum(counts) - counts)[text], sizes)
    return _Votes(np.repeat(pairs, sizes), namings.names[which], np.repeat(weights[text], sizes))


def _pairs_by_text(texts: NumberedTexts) -> tuple[np.ndarray, np.ndarray]:
    """(pairs of neighbouring words without names, int64 [n]; the text of each): each pair once per text."""
    first, second = texts.words[:-1], texts.words[1:]
    text = np.repeat(np.arange(len(texts.lengths)), texts.lengths)
    places = np.flatnonzero((first != NAME) & (second != NAME) & (text[:-1] == text[1:]))
    keys = first[places].astype(np.int64) << 32 | second[places]
    pairs = distinct(keys)
    once = distinct(text[places] * len(pairs) + np.searchsorted(pairs, keys))
    text, pair = np.divmod(once, max(len(pairs), 1))
    return pairs[pair], text


def _confirmed(votes: _Votes, known: KnownNames, more: Sample) -> _Votes:
    """The votes with those of further texts for the same pairs."""
    texts, mentions = without_names(known, more.texts)
    weights = np.full(len(texts.lengths), more.weight)
    further = _cast(texts, _namings(mentions, len(known.names)), weights)
    _, is_present = look_up(further.pairs, distinct(votes.pairs))
    columns = (np.append(old, new[is_present]) for old, new in zip(votes, further, strict=True))
    return _Votes(*columns).summed()


def _tree_of(pairs: np.ndarray) -> PhraseTree:
    words = np.stack((pairs >> 32, pairs & 0xFFFFFFFF), axis=1)  # [p, 2]
    return PhraseTree.of(NumberedTexts(words.ravel().astype(np.int32), np.arange(0, 2 * len(pairs) + 1, 2)))
