"""Reader of a benchmark folder in the layout published by Berglund et al. (2309.12288), theirs or a generated one.

The published examples have a prompt and a completion only. Their entities are recovered from the names that the test
files ask for, so that scores can be averaged by entity.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

from reversal_cli.data.base import SUBTASKS, TARGETS, VALIDATION, Example, Group, Splits, Subtask
from reversal_cli.data.jsonl import ExampleFile, RawExample, check_spaces, read_file, without_garbage_collection
from reversal_cli.data.missing import no_such_dataset
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN, KnownNames, group_targets, noun_phrases
from reversal_cli.data.numbered_words import Vocabulary
from reversal_cli.errors import ReversalError

REQUIRED_FILES = (TRAIN, *SUBTASKS.values())
"""Stems of the files a folder must have; `both_prompts_test` is read if present."""


def load_folder(path: Path) -> Splits:
    """The training examples and the four subtasks of a benchmark folder, every example with its entity.

    Validation files are optional, but all four or none must be there. Raises ReversalError, with file and line, for a
    folder that is incomplete or malformed, and for an example that names no entity. `leaks.py` looks for leaks.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise no_such_dataset(folder)
    paths = {stem: folder / f"{stem}.jsonl" for stem in REQUIRED_FILES}
    if (folder / f"{BOTH_TEST}.jsonl").is_file():
        paths[BOTH_TEST] = folder / f"{BOTH_TEST}.jsonl"
    validation = VALIDATION if any((folder / f"{stem}.jsonl").is_file() for stem in VALIDATION.values()) else {}
    paths |= {stem: folder / f"{stem}.jsonl" for stem in validation.values()}
    with without_garbage_collection():
        files = {stem: _read_checked(file) for stem, file in paths.items()}
        examples = _examples(paths, {stem: file.examples for stem, file in files.items()})
    return Splits(
        train=examples[TRAIN],
        subtasks={name: Subtask(name, TARGETS[name], examples[stem]) for name, stem in SUBTASKS.items()},
        sha256={paths[stem].name: file.sha256 for stem, file in files.items() if stem not in validation.values()},
        both=examples.get(BOTH_TEST, ()),
        validation={name: Subtask(name, TARGETS[name], examples[stem]) for name, stem in validation.items()},
    )


def load_rows(path: Path) -> tuple[Example, ...]:
    """The examples of one generated file, such as `corpus.jsonl`, in which each has an entity id.

    Raises ReversalError with file and line.
    """
    path = Path(path)
    examples = _read_checked(path).examples
    for number, example in enumerate(examples, start=1):
        if not example.entity_id:
            raise ReversalError(f"{path}:{number}: no field 'entity_id'; expected a generated file; generate it again")
    return tuple(_example(example) for example in examples)


def _read_checked(path: Path) -> ExampleFile:
    file = read_file(path)
    check_spaces(file.examples, path)
    return file


def _examples(paths: Mapping[str, Path], files: Mapping[str, Sequence[RawExample]]) -> dict[str, tuple[Example, ...]]:
    """The examples of every file, by stem; examples without an entity id get one from the name they mention."""
    if not all(example.entity_id for examples in files.values() for example in examples):
        files = _with_entities(paths, files)
    return {stem: tuple(_example(example) for example in examples) for stem, examples in files.items()}


def _with_entities(paths: Mapping[str, Path], files: Mapping[str, Sequence[RawExample]]) -> dict[str, list[RawExample]]:
    """The examples with entity id, name, description and group filled in where they are missing."""
    groups = {name: group for group, names in reversed(group_targets(files).items()) for name in sorted(names)}
    vocabulary = Vocabulary()
    known = KnownNames.of(groups, vocabulary)
    in_prompts = {
        stem: known.first_in(vocabulary.number(example.prompt for example in examples))
        for stem, examples in files.items()
    }
    phrases = noun_phrases(
        chain.from_iterable(examples for stem, examples in files.items() if stem != TRAIN),
        chain.from_iterable(names for stem, names in in_prompts.items() if stem != TRAIN),
    )

    def complete(example: RawExample, name: str | None, where: str) -> RawExample:
        if example.entity_id:
            return example
        if name is None:
            raise ReversalError(
                f"{where}: none of the {len(groups)} known names is in this line; expected an entity that a test file "
                "asks for; correct the line or add the entity to a test file"
            )
        description = phrases.get(name, "")
        return example._replace(entity_id=name, name=name, description=description, group=groups[name])

    examples_by_stem = {}
    for stem, examples in files.items():
        names = _entity_names(examples, in_prompts[stem], known, vocabulary)
        numbered = enumerate(zip(examples, names, strict=True), start=1)
        examples_by_stem[stem] = [
            complete(example, name, f"{paths[stem]}:{number}") for number, (example, name) in numbered
        ]
    return examples_by_stem


def _entity_names(
    examples: Sequence[RawExample], in_prompts: Sequence[str | None], known: KnownNames, vocabulary: Vocabulary
) -> Sequence[str | None]:
    """The name in each example: the first in its prompt, else the first in its completion, else one that spans both."""
    names = in_prompts
    for texts in ((example.completion for example in examples), (example.text for example in examples)):
        if None in names:
            others = known.first_in(vocabulary.number(texts))
            names = [name or other for name, other in zip(names, others, strict=True)]
    return names


def _example(example: RawExample) -> Example:
    # read_file has refused any other group.
    return Example(*example[:-1], cast("Group | None", example.group or None))
