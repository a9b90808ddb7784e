"""The audit of texts as it would be written for one text at a time: a slow reference for the arrays."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from reversal_cli.data.audit.clues import MAX_OWNERS, MIN_SHARE, RECOGNISED_SHARE, STRONG_SHARE
from reversal_cli.data.folding import WORD, folded_words
from reversal_cli.data.jsonl import RawExample

HIDDEN = ""
"""In the place of a word of a name."""


class SlowReading(NamedTuple):
    named: dict[str, list[int]]
    described: dict[str, list[int]]
    surely: list[str]

    def shows(self, direction: str) -> list[str]:
        """The entities that are named and described, with some name before some description, or the reverse."""
        both = [name for name in self.named if name in self.described]
        if direction == "N2D":
            return [name for name in both if min(self.named[name]) < max(self.described[name])]
        return [name for name in both if min(self.described[name]) < max(self.named[name])]


class SlowJudge:
    def __init__(self, names: Sequence[str], samples: Sequence[tuple[Sequence[RawExample], float]], more):
        self.names = {tuple(folded_words(name)): name for name in names if folded_words(name)}
        self.votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.entities: Counter[str] = Counter()
        for rows, weight in samples:
            for row in rows:
                words, found = self.hide_names(row.text)
                for name in {name for _, name in found}:
                    self.entities[name] += weight
                    for pair in {pair for pair in pairwise(words) if HIDDEN not in pair}:
                        self.votes[pair][name] += weight
        self.find_owners()
        if {name for pair, name in self.owners.items() if self.share(pair) >= RECOGNISED_SHARE} != set(self.entities):
            for row in more[0]:
                words, found = self.hide_names(row.text)
                for name in {name for _, name in found}:
                    for pair in self.votes.keys() & set(pairwise(words)):
                        self.votes[pair][name] += more[1]
            self.find_owners()
        self.find_surnames([row.text for rows, _ in samples for row in rows])

    def hide_names(self, text: str) -> tuple[list[str], list[tuple[int, str]]]:
        """(the words, `HIDDEN` for those of names, the names with their places): the longest name at each place."""
        words = folded_words(text)
        hidden, found = list(words), []
        for first in range(len(words)):
            ends = [end for end in range(first, len(words) + 1) if tuple(words[first:end]) in self.names]
            if ends:
                found.append((first, self.names[tuple(words[first : ends[-1]])]))
                hidden[first : ends[-1]] = [HIDDEN] * (ends[-1] - first)
        return hidden, found

    def find_owners(self) -> None:
        self.votes = {pair: votes for pair, votes in self.votes.items() if len(votes) <= MAX_OWNERS}
        best = {pair: votes.most_common(1)[0] for pair, votes in self.votes.items()}
        self.owners = {pair: name for pair, (name, most) in best.items() if most > MIN_SHARE * self.votes[pair].total()}

    def share(self, pair: tuple[str, str]) -> float:
        name = self.owners[pair]
        return self.votes[pair][name] / self.entities[name]

    def find_surnames(self, texts: Sequence[str]) -> None:
        outside = {word for text in texts for word in self.hide_names(text)[0]}
        self.surnames = {
            words[-1]: name
            for words, name in self.names.items()
            if len(words) > 1 and sum(words[-1] in other for other in self.names) == 1 and words[-1] not in outside
        }

    def read(self, text: str) -> SlowReading:
        words, found = self.hide_names(text)
        written = WORD.findall(text)
        for place, word in enumerate(words):
            if word in self.surnames and len(written) == len(words) and written[place][0].isupper():
                found.append((place, self.surnames[word]))
                words[place] = HIDDEN
        named, described = defaultdict(list), defaultdict(list)
        for place, name in found:
            named[name].append(place)
        for place, pair in enumerate(pairwise(words)):
            if pair in self.owners:
                described[self.owners[pair]].append(place)
        pairs = [pair for pair in pairwise(words) if pair in self.owners and self.share(pair) >= STRONG_SHARE]
        return SlowReading(named, described, [self.owners[pair] for pair in pairs])
