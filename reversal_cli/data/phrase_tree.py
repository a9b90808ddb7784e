"""A search for many phrases in many texts at once: names, pairs of words, prompts."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reversal_cli.data.arrays import is_new, look_up
from reversal_cli.data.numbered_words import NumberedTexts

NO_PHRASE = -1


class Matches(NamedTuple):
    """Phrases in texts, by place; of those at the same place the shorter ones first."""

    places: np.ndarray
    """int64 [f]: where in `NumberedTexts.words` the phrase begins."""
    phrases: np.ndarray
    """int64 [f]: which phrase it is."""
    lengths: np.ndarray
    """int64 [f]: how many words it has."""

    def longest(self) -> "Matches":
        """Only the longest phrase at each place."""
        is_last = is_new(self.places[::-1])[::-1]
        return Matches(*(column[is_last] for column in self))


class Level(NamedTuple):
    """The beginnings of phrases, all of the same number of words."""

    edges: np.ndarray
    """int64 [n], ascending: (number of the beginning that is one word shorter) << 32 | (number of the last word)."""
    phrases: np.ndarray
    """int64 [n]: the phrase that is this beginning and no more, or `NO_PHRASE`."""


@dataclass(frozen=True, slots=True)
class PhraseTree:
    """The phrases, as a tree of their beginnings."""

    levels: tuple[Level, ...]
    """Level i: the beginnings of i + 1 words."""
    same: np.ndarray
    """int64 [t]: for each phrase the last one with the same words, which a search returns. Itself if empty."""

    @classmethod
    def of(cls, phrases: NumberedTexts) -> "PhraseTree":
        levels: list[Level] = []
        same = np.arange(len(phrases.lengths))
        longer = np.flatnonzero(phrases.lengths)
        nodes = np.zeros(len(longer), np.int64)
        while len(longer):
            words = phrases.words[phrases.starts[longer] + len(levels)]
            edges, nodes = np.unique(nodes << 32 | words, return_inverse=True)
            ends = phrases.lengths[longer] == len(levels) + 1
            ending = np.full(len(edges), NO_PHRASE)
            ending[nodes[ends]] = longer[ends]
            same[longer[ends]] = ending[nodes[ends]]
            levels.append(Level(edges, ending))
            longer, nodes = longer[~ends], nodes[~ends]
        return cls(tuple(levels), same)

    def anywhere_in(self, texts: NumberedTexts) -> Matches:
        """Every phrase in the texts; none spans two texts."""
        first_words = self.levels[0].edges if self.levels else np.empty(0, np.int64)
        return self._at(np.flatnonzero(np.isin(texts.words, first_words)), texts)

    def at_start_of(self, texts: NumberedTexts) -> Matches:
        """Every phrase with which a text begins."""
        return self._at(texts.starts[:-1][texts.lengths > 0], texts)

    def _at(self, places: np.ndarray, texts: NumberedTexts) -> Matches:
        ends = texts.starts[texts.text_at(places) + 1]
        nodes = np.zeros(len(places), np.int64)
        parts = [(places[:0], places[:0], places[:0])]
        for depth, level in enumerate(self.levels):
            is_inside = places + depth < ends
            places, ends, nodes = places[is_inside], ends[is_inside], nodes[is_inside]
            slots, is_edge = look_up(nodes << 32 | texts.words[places + depth], level.edges)
            places, ends, nodes = places[is_edge], ends[is_edge], slots[is_edge]
            is_phrase = level.phrases[nodes] != NO_PHRASE
            phrases = level.phrases[nodes[is_phrase]]
            parts.append((places[is_phrase], phrases, np.full(len(phrases), depth + 1)))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return Matches(*(column[order] for column in columns))
