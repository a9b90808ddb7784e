"""The name of every entity and the wordings of its description, from a whole benchmark.

A description has several wordings: the noun phrase of an example, the completion of a name, and the part of a prompt
in which it differs from other prompts of the same template.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from reversal_cli.data.base import TARGETS, Example, Splits, Target
from reversal_cli.data.names_in_text import holds, plain_words
from reversal_cli.data.template_keys import template_keys

MIN_WORDS = 3
"""A shorter wording of a description is too common: it also stands where no entity is meant."""


class Phrase(NamedTuple):
    """A name or a wording of a description, as `plain_words` gives it."""

    words: str
    kind: Target
    entity_id: str


def phrases(splits: Splits) -> set[Phrase]:
    """Every name and every known wording of a description, of all entities in any file that was read.

    An entity without a known name has none: its name could be taken for a description.
    """
    names = entity_names(splits)
    candidates = {Phrase(plain_words(name), "name", entity_id) for entity_id, name in names.items()}
    for examples in _files(splits):
        for entity_id, text in _wordings([example for example in examples if example.entity_id in names], names):
            candidates.add(Phrase(text, "description", entity_id))
    return {phrase for phrase in candidates if len(phrase.words.split()) >= (1 if phrase.kind == "name" else MIN_WORDS)}


def entity_names(splits: Splits) -> dict[str, str]:
    """Entity id -> name: the field of an example, else the target of a test prompt."""
    examples = [example for examples in _files(splits) for example in examples]
    targets = [
        example for name, subtask in splits.subtasks.items() if TARGETS[name] == "name" for example in subtask.examples
    ]
    return {example.entity_id: example.completion.strip() for example in targets} | {
        example.entity_id: example.name for example in examples if example.name
    }


def kind_of_target(example: Example, name: str) -> Target:
    """What the example asks for, by its completion. name: that of its entity."""
    return "name" if holds(example.completion, name) else "description"


def _files(splits: Splits) -> Iterator[tuple[Example, ...]]:
    yield splits.train
    yield from (subtask.examples for subtask in splits.subtasks.values())
    yield splits.both


def _wordings(examples: Sequence[Example], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(entity id, wording) of every description in the examples of one file."""
    for entity_id, description in {
        (example.entity_id, example.description) for example in examples if example.description
    }:
        yield entity_id, plain_words(description)
    asking_for_names = []
    for example in examples:
        if kind_of_target(example, names[example.entity_id]) == "name":
            asking_for_names.append(example)
        else:
            yield example.entity_id, plain_words(example.completion)
    yield from _descriptions_in_prompts(asking_for_names)


def _descriptions_in_prompts(examples: Sequence[Example]) -> Iterator[tuple[str, str]]:
    """(entity id, what its prompt has between the words that all prompts of the template share).

    Example: "Meet the baker of pies:" and "Meet the tamer of bears:" give "baker of pies" and "tamer of bears".
    """
    by_template: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for example, template in zip(examples, template_keys(examples), strict=True):
        by_template[template].append((example.entity_id, plain_words(example.prompt).split()))
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
