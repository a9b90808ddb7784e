"""The directions in which a file shows its entities: name before description, description before name, or both.

As in `reader.py`, by the words alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np

from reversal_cli.data.arrays import distinct, is_new, look_up
from reversal_cli.data.audit.numbered_file import NumberedFile
from reversal_cli.data.audit.reader import EntityReader, Reading
from reversal_cli.data.base import Direction, Group
from reversal_cli.data.names_in_text import Occurrences

NO_ENTITY = -1
"""Instead of an entity: none, or an unknown one."""
NO_LABEL = -2
"""Instead of the entity of an example: its field is empty."""


@dataclass(slots=True)
class GroupSummary:
    """How the entities of one group are shown."""

    entities: int
    examples: int = 0
    name_first_examples: int = 0
    description_first_examples: int = 0


class Confusion(NamedTuple):
    """A line that confuses two entities."""

    line: int
    name: str
    """The entity that the text names."""
    other: str
    """The entity that it describes, or that its field says."""


@dataclass(frozen=True, slots=True)
class FileDirections:
    """The directions of all examples of a file, and those that are wrong or unclear."""

    groups: dict[Group, GroupSummary]
    lines: dict[tuple[Group, Direction], np.ndarray]
    """The numbers of the lines that show an entity of the group in the direction: int64, ascending, each once."""
    names: dict[Direction, set[str]]
    """The entities shown in the direction."""
    swapped: list[Confusion]
    """Lines that put the name of one entity to the description of another."""
    mislabelled: list[Confusion]
    """Lines that are about another entity than their field `name` says."""
    unclear: list[int]
    """Lines that hold no entity's name and description together, and are not swapped."""


class _Spans(NamedTuple):
    """Where a text names an entity, or describes it; one span for each text and entity."""

    keys: np.ndarray
    """int64 [s], ascending: text * number of entities + entity."""
    first: np.ndarray
    """int64 [s]: the first place."""
    last: np.ndarray
    """int64 [s]: the last place."""


def find_directions(file: NumberedFile, reader: EntityReader, groups: Mapping[str, Group]) -> FileDirections:
    """The directions of every example, by its text. groups: name -> group.

    All mentions count. "For Ann, remember that the baker is Ann" trains the name after the description, although the
    name also stands before it.
    """
    reading, names = reader.read(file), reader.known.names
    named = _spans(reading.named, len(names))
    directions = _directions(named, _spans(reading.described, len(names)))
    swapped = _swapped(reading, named.keys, names, len(file.examples))
    lines = {confusion.line for confusion in swapped}
    mislabelled = [wrong for wrong in _mislabelled(file, reading, named.keys, names) if wrong.line not in lines]
    texts, entities = np.divmod(named.keys, max(len(names), 1))
    members = {group: np.array([groups[name] == group for name in names], bool)[entities] for group in get_args(Group)}
    is_unclear = np.ones(len(file.examples), bool)
    is_unclear[texts[directions["N2D"] | directions["D2N"]]] = False
    is_unclear[np.array([confusion.line - 1 for confusion in (*swapped, *mislabelled)], np.int64)] = False
    return FileDirections(
        groups=_summaries(groups, members, directions),
        lines={
            (group, direction): distinct(texts[is_member & is_shown]) + 1
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


def _spans(occurrences: Occurrences, entities: int) -> _Spans:
    keys = occurrences.texts * entities + occurrences.names
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], occurrences.places[order]
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
            examples=int(members[group].sum()),
            name_first_examples=int((members[group] & directions["N2D"]).sum()),
            description_first_examples=int((members[group] & directions["D2N"]).sum()),
        )
        for group, entities in sorted(Counter(groups.values()).items())
    }


def _swapped(reading: Reading, named: np.ndarray, names: Sequence[str], texts: int) -> list[Confusion]:
    """Examples that name an entity and surely describe one, but never the same. named: as _Spans.keys."""
    surely = reading.surely
    _, is_named = look_up(surely.texts * len(names) + surely.names, named)
    first_named, first_described = _first(reading.named, texts), _first(surely, texts)
    is_swapped = (first_named != NO_ENTITY) & (first_described != NO_ENTITY)
    is_swapped[surely.texts[is_named]] = False
    return [
        Confusion(text + 1, names[first_named[text]], names[first_described[text]])
        for text in np.flatnonzero(is_swapped).tolist()
    ]


def _mislabelled(file: NumberedFile, reading: Reading, named: np.ndarray, names: Sequence[str]) -> Iterator[Confusion]:
    """Examples that name entities, but not the one of their field `name`. named: as _Spans.keys."""
    entities = {name: entity for entity, name in enumerate(names)} | {"": NO_LABEL}
    labels = np.fromiter(
        (entities.get(example.name, NO_ENTITY) for example in file.examples), np.int64, len(file.examples)
    )
    first_named = _first(reading.named, len(file.examples))
    _, is_named = look_up(np.arange(len(labels)) * len(names) + labels, named)
    is_right = (first_named == NO_ENTITY) | (labels == NO_LABEL) | (is_named & (labels != NO_ENTITY))
    for text in np.flatnonzero(~is_right).tolist():
        yield Confusion(text + 1, names[first_named[text]], file.examples[text].name)


def _first(occurrences: Occurrences, texts: int) -> np.ndarray:
    """int64 [texts]: the entity that comes first in each text, or `NO_ENTITY`."""
    first = np.full(texts, NO_ENTITY)
    first[occurrences.texts[::-1]] = occurrences.names[::-1]  # the last assignment wins
    return first
