"""Which way round a text really shows an entity: name before description, description before name, or both.

Judged from the words alone, never from the fields of a row, so that a reversed row cannot hide behind its labels, its
case or a second sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count
from typing import NamedTuple

from reversal_cli.data.audit.clues import NAME, Clues, Sample, learn_clues, without_names
from reversal_cli.data.base import SUBTASKS, Direction, Group
from reversal_cli.data.folding import WORD
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN, AnyRow, Files, KnownNames, group_targets

TEST_STEMS = (*SUBTASKS.values(), BOTH_TEST)


class Reading(NamedTuple):
    """Whom a text names and whom it describes: name -> the places, counted in words, in text order."""

    named: dict[str, list[int]]
    described: dict[str, list[int]]
    surely: set[str]
    """Those of the described whose description is beyond doubt."""

    def directions(self, name: str) -> tuple[Direction, ...]:
        """Every direction in which the text shows an entity that it names: none, one, or both.

        All mentions count. "For Ann, remember that the baker is Ann" trains the name after the description, although
        the name also stands before it.
        """
        named, described = self.named[name], self.described.get(name)
        if not described:
            return ()
        name_first: tuple[Direction, ...] = ("N2D",) if named[0] < described[-1] else ()
        description_first: tuple[Direction, ...] = ("D2N",) if described[0] < named[-1] else ()
        return name_first + description_first

    @property
    def mismatched(self) -> bool:
        """True where the text names an entity and surely describes one, but none is both named and described."""
        return bool(self.named and self.surely) and self.surely.isdisjoint(self.named)


@dataclass(frozen=True, slots=True)
class DirectionJudge:
    known: KnownNames
    clues: Clues

    @classmethod
    def of(cls, names: Iterable[str], samples: Sequence[Sample], more: Sample | None = None) -> "DirectionJudge":
        """A judge who has learned from sample texts what entities are called; see `learn_clues`."""
        known = KnownNames.of(names)
        return cls(known, learn_clues(known, samples, more))

    def read(self, text: str) -> Reading:
        """Whom `text` names, in full or by a surname that is theirs alone, and whom it describes."""
        words, mentions = without_names(self.known, text)
        named: dict[str, list[int]] = {}
        for mention in mentions:
            named.setdefault(mention.name, []).append(mention.first)
        if not self.clues.surnames.keys().isdisjoint(words):
            self._add_surnames(text, words, named)
        described: dict[str, list[int]] = {}
        surely: set[str] = set()
        for place in compress(count(), map(self.clues.first_words.__contains__, words[:-1])):
            pair = (words[place], words[place + 1])
            name = self.clues.owners.get(pair)
            if name is not None:
                described.setdefault(name, []).append(place)
                if pair in self.clues.strong:
                    surely.add(name)
        return Reading(named, described, surely)

    def _add_surnames(self, text: str, words: list[str], named: dict[str, list[int]]) -> None:
        """Adds surnames that stand alone, with a capital letter: "Lee" may be a name, "the lee side" is not."""
        written = WORD.findall(text)
        for place, word in enumerate(words):
            name = self.clues.surnames.get(word)
            if name and len(written) == len(words) and written[place][0].isupper():
                words[place] = NAME
                named.setdefault(name, []).append(place)
                named[name].sort()


@dataclass(frozen=True, slots=True)
class BenchmarkEntities:
    """Who a benchmark is about, and how its texts tell them apart."""

    targets: dict[Group, set[str]]
    groups: dict[str, Group]
    """Name -> group."""
    judge: DirectionJudge

    @classmethod
    def of(cls, files: Files) -> "BenchmarkEntities":
        """Group of an entity = which test file asks about it. A test file counts alike, whatever its number of rows."""
        targets = group_targets(files)
        groups = {name: group for group, names in targets.items() for name in sorted(names)}
        tests = [Sample(rows, 1 / len(rows)) for stem in TEST_STEMS if (rows := files.get(stem))]
        train = Sample(files[TRAIN], len(targets) / len(files[TRAIN]))  # the one file that is about all three groups
        return cls(targets, groups, DirectionJudge.of(groups, tests, train))


@dataclass(slots=True)
class GroupSummary:
    """How the entities of one group are shown."""

    entities: int
    rows: int = 0
    name_first_rows: int = 0
    description_first_rows: int = 0


class Confusion(NamedTuple):
    """A line that brings two entities together."""

    line: int
    name: str
    """Whom the text names."""
    other: str
    """Whom it describes, or is said to be about."""


@dataclass(slots=True)
class Shown:
    """What a file really shows."""

    groups: dict[Group, GroupSummary]
    lines: dict[Direction, dict[str, list[int]]] = field(
        default_factory=lambda: {"N2D": defaultdict(list), "D2N": defaultdict(list)}
    )
    """Direction -> name -> line numbers."""
    swapped: list[Confusion] = field(default_factory=list)
    """Lines that put the name of one entity to the description of another."""
    mislabelled: list[Confusion] = field(default_factory=list)
    """Lines that are about another entity than their field `name` says."""
    unclear: list[int] = field(default_factory=list)
    """Lines that hold no entity's name and description together, and are not swapped."""

    def add(self, number: int, row: AnyRow, reading: Reading, groups: Mapping[str, Group]) -> None:
        is_clear = False
        for name in reading.named:
            directions = reading.directions(name)
            summary = self.groups[groups[name]]
            summary.rows += 1
            summary.name_first_rows += "N2D" in directions
            summary.description_first_rows += "D2N" in directions
            for direction in directions:
                self.lines[direction][name].append(number)
            is_clear |= bool(directions)
        if reading.mismatched:
            self.swapped.append(Confusion(number, next(iter(reading.named)), next(iter(reading.surely))))
        elif row.name and reading.named and row.name not in reading.named:
            self.mislabelled.append(Confusion(number, next(iter(reading.named)), row.name))
        elif not is_clear:
            self.unclear.append(number)


def show_directions(rows: Sequence[AnyRow], judge: DirectionJudge, groups: Mapping[str, Group]) -> Shown:
    """Every row judged by its text. `groups`: name -> group."""
    shown = Shown({group: GroupSummary(entities) for group, entities in sorted(Counter(groups.values()).items())})
    for number, row in enumerate(rows, start=1):
        shown.add(number, row, judge.read(row.text), groups)
    return shown
