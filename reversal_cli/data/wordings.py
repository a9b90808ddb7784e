"""What every entity is called anywhere in a benchmark: its name, and the wordings of its description.

A description has no single wording. Its words are taken from all places that hold them: the noun phrase of the row,
what completes a name, and what a prompt has in the place where other prompts of the same template have other words.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from reversal_cli.data.base import TARGETS, Example, Splits, Target
from reversal_cli.data.names_in_text import holds, plain_words
from reversal_cli.data.template_keys import template_keys

MIN_WORDS = 3
"""A shorter wording of a description says too little: it would be found where no entity is meant."""


class Phrase(NamedTuple):
    """Something that an entity is called, as `plain_words` gives it."""

    words: str
    kind: Target
    entity_id: str


def phrases(splits: Splits) -> set[Phrase]:
    """Every name and every known wording of a description, of all entities in any file that was read.

    An entity without a known name has none: where it is described could not be told from where it is named.
    """
    names = entity_names(splits)
    found = {Phrase(plain_words(name), "name", entity_id) for entity_id, name in names.items()}
    for examples in _files(splits):
        for entity_id, text in _wordings([row for row in examples if row.entity_id in names], names):
            found.add(Phrase(text, "description", entity_id))
    return {phrase for phrase in found if len(phrase.words.split()) >= (1 if phrase.kind == "name" else MIN_WORDS)}


def entity_names(splits: Splits) -> dict[str, str]:
    """Entity id -> name: as the rows say it, else as a test file has it for a target."""
    rows = [row for examples in _files(splits) for row in examples]
    targets = [row for name, subtask in splits.subtasks.items() if TARGETS[name] == "name" for row in subtask.examples]
    return {row.entity_id: row.completion.strip() for row in targets} | {
        row.entity_id: row.name for row in rows if row.name
    }


def kind_of_target(example: Example, name: str) -> Target:
    """What the row asks for, told from its completion; `name` is that of its entity."""
    return "name" if holds(example.completion, name) else "description"


def _files(splits: Splits) -> Iterator[tuple[Example, ...]]:
    yield splits.train
    yield from (subtask.examples for subtask in splits.subtasks.values())
    yield splits.both


def _wordings(rows: Sequence[Example], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(entity id, wording) of every description in the rows of one file."""
    for entity_id, description in {(row.entity_id, row.description) for row in rows if row.description}:
        yield entity_id, plain_words(description)
    asking_for_names = []
    for row in rows:
        if kind_of_target(row, names[row.entity_id]) == "name":
            asking_for_names.append(row)
        else:
            yield row.entity_id, plain_words(row.completion)
    yield from _descriptions_in_prompts(asking_for_names)


def _descriptions_in_prompts(rows: Sequence[Example]) -> Iterator[tuple[str, str]]:
    """(entity id, what its prompt has between the words that all prompts of the template share).

    Example: "Meet the baker of pies:" and "Meet the tamer of bears:" give "baker of pies" and "tamer of bears".
    """
    by_template: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for row, template in zip(rows, template_keys(rows), strict=True):
        by_template[template].append((row.entity_id, plain_words(row.prompt).split()))
    for prompts in by_template.values():
        differing = _differing_parts([words for _, words in prompts])
        yield from ((entity_id, " ".join(part)) for (entity_id, _), part in zip(prompts, differing, strict=True))


def _differing_parts(texts: Sequence[list[str]]) -> list[list[str]]:
    """The texts without the words that all of them begin with, and then without those that all end with."""
    start = _shared_words(texts)
    rests = [text[start:] for text in texts]
    end = _shared_words([rest[::-1] for rest in rests])
    return [rest[: len(rest) - end] for rest in rests]


def _shared_words(texts: Sequence[list[str]]) -> int:
    """How many words all texts begin with."""
    columns = zip(*texts, strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
