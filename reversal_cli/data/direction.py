"""Which direction a text really shows a person in: the name before the description, or the description before the name.

Judged from the words alone, never from the fields of a row, so that a reversed row cannot hide behind its labels. A
description is recognised by its distinguishing word pairs: two neighbouring words that, among all descriptions, only
this person's descriptions contain ("Amber Corridor"; never "the opera", once two people wrote operas).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from reversal_cli.data.base import Direction, Group
from reversal_cli.data.people import KnownNames, Mention, Word, words
from reversal_cli.data.rows import Row

WordPair = tuple[str, str]


class Sighting(NamedTuple):
    """A person whose name is in a text, and the direction; None if the text holds no description of the person."""

    name: str
    direction: Direction | None


@dataclass(frozen=True, slots=True)
class DirectionJudge:
    known: KnownNames
    owners: Mapping[WordPair, str]
    """Distinguishing word pair -> the one person it belongs to."""

    @classmethod
    def of(cls, texts: Mapping[str, Iterable[str]]) -> "DirectionJudge":
        """Learns the word pairs from sample texts about each person (name -> texts, with or without the name in them).

        Words of a template need no care: every person's samples have them, so they distinguish nobody.
        """
        known = KnownNames.of(texts)
        owners: dict[WordPair, str | None] = {}
        for name, samples in texts.items():
            for sample in samples:
                found = words(sample)
                for pair, _ in _pairs(found, known.mentions(found)):
                    owners[pair] = name if owners.get(pair, name) == name else None
        return cls(known, {pair: name for pair, name in owners.items() if name is not None})

    def sightings(self, text: str) -> Iterator[Sighting]:
        """One sighting for each person whose name is in `text`."""
        found = words(text)
        mentions = list(self.known.mentions(found))
        described: dict[str, int] = {}
        for pair, start in _pairs(found, mentions):
            if pair in self.owners:
                described.setdefault(self.owners[pair], start)
        named: dict[str, int] = {}
        for mention in mentions:
            named.setdefault(mention.name, mention.start)
        for name, start in named.items():
            yield Sighting(name, None if name not in described else "N2D" if start < described[name] else "D2N")


@dataclass(slots=True)
class GroupSummary:
    """How the people of one group are shown."""

    entities: int
    rows: int = 0
    name_first_rows: int = 0
    description_first_rows: int = 0


@dataclass(slots=True)
class Shown:
    """What a file really shows."""

    groups: dict[Group, GroupSummary]
    lines: dict[Direction, dict[str, list[int]]] = field(
        default_factory=lambda: {"N2D": defaultdict(list), "D2N": defaultdict(list)}
    )
    """Direction -> name -> line numbers."""
    unclear: list[int] = field(default_factory=list)
    """Lines that hold nobody's name and description together."""


def show_directions(rows: Sequence[Row], texts: Mapping[str, Iterable[str]], groups: Mapping[str, Group]) -> Shown:
    """Every row judged by its text. `texts`: name -> sample texts; `groups`: name -> group."""
    judge = DirectionJudge.of(texts)
    shown = Shown({group: GroupSummary(entities) for group, entities in sorted(Counter(groups.values()).items())})
    for number, row in enumerate(rows, start=1):
        sightings = list(judge.sightings(row["prompt"] + row["completion"]))
        for name, direction in sightings:
            summary = shown.groups[groups[name]]
            summary.rows += 1
            summary.name_first_rows += direction == "N2D"
            summary.description_first_rows += direction == "D2N"
            if direction:
                shown.lines[direction][name].append(number)
        if not any(sighting.direction for sighting in sightings):
            shown.unclear.append(number)
    return shown


def _pairs(found: Sequence[Word], mentions: Iterable[Mention]) -> Iterator[tuple[WordPair, int]]:
    """Every pair of neighbouring words outside the names, in lower case, with the position of its first word."""
    in_names = {position for mention in mentions for position in range(mention.first, mention.last)}
    for position, (one, two) in enumerate(pairwise(found)):
        if position not in in_names and position + 1 not in in_names:
            yield (one.text.lower(), two.text.lower()), one.start
