"""Which way round a file really shows its entities: name before description, description before name, or both.

Judged from the words alone, never from the fields of a row, so that a reversed row cannot hide behind its labels, its
case or a second sentence.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np

from reversal_cli.data.arrays import distinct, is_new, look_up
from reversal_cli.data.audit.direction import DirectionJudge, Reading
from reversal_cli.data.audit.numbered_file import NumberedFile
from reversal_cli.data.base import Direction, Group
from reversal_cli.data.names_in_text import Occurrences

NOBODY = -1
"""In the place of an entity: none, or none of those known."""
NO_LABEL = -2
"""In the place of the entity of a row: the row does not say."""


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


@dataclass(frozen=True, slots=True)
class Shown:
    """What a file really shows."""

    groups: dict[Group, GroupSummary]
    lines: dict[tuple[Group, Direction], np.ndarray]
    """The numbers of the lines that show an entity of the group in the direction: int64, ascending, each once."""
    names: dict[Direction, set[str]]
    """Who is shown in the direction."""
    swapped: list[Confusion]
    """Lines that put the name of one entity to the description of another."""
    mislabelled: list[Confusion]
    """Lines that are about another entity than their field `name` says."""
    unclear: list[int]
    """Lines that hold no entity's name and description together, and are not swapped."""


class _Spans(NamedTuple):
    """From where to where a text names an entity, or describes it; one for each text and entity."""

    keys: np.ndarray
    """int64 [s], ascending: text * number of entities + entity."""
    first: np.ndarray
    """int64 [s]: the place where it is named first."""
    last: np.ndarray
    """int64 [s]: the place where it is named last."""


def show_directions(file: NumberedFile, judge: DirectionJudge, groups: Mapping[str, Group]) -> Shown:
    """Every row judged by its text. `groups`: name -> group.

    All mentions count. "For Ann, remember that the baker is Ann" trains the name after the description, although the
    name also stands before it.
    """
    reading, names = judge.read(file), judge.known.names
    named = _spans(reading.named, len(names))
    directions = _directions(named, _spans(reading.described, len(names)))
    swapped = _swapped(reading, named.keys, names, len(file.rows))
    lines = {confusion.line for confusion in swapped}
    mislabelled = [wrong for wrong in _mislabelled(file, reading, named.keys, names) if wrong.line not in lines]
    rows, entities = np.divmod(named.keys, max(len(names), 1))
    members = {group: np.array([groups[name] == group for name in names], bool)[entities] for group in get_args(Group)}
    is_unclear = np.ones(len(file.rows), bool)
    is_unclear[rows[directions["N2D"] | directions["D2N"]]] = False
    is_unclear[np.array([confusion.line - 1 for confusion in (*swapped, *mislabelled)], np.int64)] = False
    return Shown(
        groups=_summaries(groups, members, directions),
        lines={
            (group, direction): distinct(rows[is_member & is_shown]) + 1
            for group, is_member in members.items()
            for direction, is_shown in directions.items()
        },
        names={
            direction: {names[entity] for entity in set(entities[is_shown].tolist())}
            for direction, is_shown in directions.items()
        },
        swapped=swapped,
        mislabelled=mislabelled,
        unclear=(np.flatnonzero(is_unclear) + 1).tolist(),
    )


def _spans(found: Occurrences, entities: int) -> _Spans:
    keys = found.texts * entities + found.names
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], found.places[order]
    starts = np.flatnonzero(is_new(keys))
    return _Spans(keys[starts], np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts))


def _directions(named: _Spans, described: _Spans) -> dict[Direction, np.ndarray]:
    """Direction -> whether the text shows the entity in it: bool, for each of the named."""
    slots, is_described = look_up(named.keys, described.keys)
    slots = slots[is_described]
    directions: dict[Direction, np.ndarray] = {"N2D": is_described.copy(), "D2N": is_described.copy()}
    directions["N2D"][is_described] = named.first[is_described] < described.last[slots]
    directions["D2N"][is_described] = described.first[slots] < named.last[is_described]
    return directions


def _summaries(
    groups: Mapping[str, Group], members: Mapping[Group, np.ndarray], directions: Mapping[Direction, np.ndarray]
) -> dict[Group, GroupSummary]:
    """members: for each of the named, whether it is of the group."""
    return {
        group: GroupSummary(
            entities,
            rows=int(members[group].sum()),
            name_first_rows=int((members[group] & directions["N2D"]).sum()),
            description_first_rows=int((members[group] & directions["D2N"]).sum()),
        )
        for group, entities in sorted(Counter(groups.values()).items())
    }


def _swapped(reading: Reading, named: np.ndarray, names: Sequence[str], rows: int) -> list[Confusion]:
    """Rows that name an entity and surely describe one, but none is both named and described. named: as _Spans.keys."""
    surely = reading.surely
    _, is_named = look_up(surely.texts * len(names) + surely.names, named)
    first_named, first_described = _first(reading.named, rows), _first(surely, rows)
    is_swapped = (first_named != NOBODY) & (first_described != NOBODY)
    is_swapped[surely.texts[is_named]] = False
    return [
        Confusion(row + 1, names[first_named[row]], names[first_described[row]])
        for row in np.flatnonzero(is_swapped).tolist()
    ]


def _mislabelled(file: NumberedFile, reading: Reading, named: np.ndarray, names: Sequence[str]) -> Iterator[Confusion]:
    """Rows that name entities, but not the one of their field `name`. named: as _Spans.keys."""
    entities = {name: entity for entity, name in enumerate(names)} | {"": NO_LABEL}
    labels = np.fromiter((entities.get(row.name, NOBODY) for row in file.rows), np.int64, len(file.rows))
    first_named = _first(reading.named, len(file.rows))
    _, is_named = look_up(np.arange(len(labels)) * len(names) + labels, named)
    is_right = (first_named == NOBODY) | (labels == NO_LABEL) | (is_named & (labels != NOBODY))
    for row in np.flatnonzero(~is_right).tolist():
        yield Confusion(row + 1, names[first_named[row]], file.rows[row].name)


def _first(found: Occurrences, texts: int) -> np.ndarray:
    """int64 [texts]: the entity that comes first among those of each text, or `NOBODY`."""
    first = np.full(texts, NOBODY)
    first[found.texts[::-1]] = found.names[::-1]  # the last one written stays
    return first
