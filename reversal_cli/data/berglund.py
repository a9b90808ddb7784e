"""Reads a benchmark folder in the layout published by Berglund et al. (2309.12288), theirs or a generated one.

The published rows hold a prompt and a completion only. Who a row is about is recovered from the names that the test
files ask for, so that scores can be averaged by entity.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

from reversal_cli.data.base import SUBTASKS, TARGETS, VALIDATION, Example, Group, Splits, Subtask
from reversal_cli.data.jsonl import Row, RowFile, check_spaces, no_search_for_garbage, read_file
from reversal_cli.data.missing import no_such_dataset
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN, KnownNames, group_targets, noun_phrases
from reversal_cli.data.numbered_words import Vocabulary
from reversal_cli.errors import ReversalError

REQUIRED_FILES = (TRAIN, *SUBTASKS.values())
"""Stems of the files a folder must have; `both_prompts_test` is read where it is present."""


def load_folder(path: Path) -> Splits:
    """The training rows and the four subtasks of a benchmark folder, every row with its entity.

    The validation files are read where there is one of them; then all four must be there. Raises ReversalError, with
    file and line, for a folder that is incomplete, malformed, or has a row that names no entity. Whether a test leaks
    into training is for `leaks.py` to say.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise no_such_dataset(folder)
    paths = {stem: folder / f"{stem}.jsonl" for stem in REQUIRED_FILES}
    if (folder / f"{BOTH_TEST}.jsonl").is_file():
        paths[BOTH_TEST] = folder / f"{BOTH_TEST}.jsonl"
    validation = VALIDATION if any((folder / f"{stem}.jsonl").is_file() for stem in VALIDATION.values()) else {}
    paths |= {stem: folder / f"{stem}.jsonl" for stem in validation.values()}
    with no_search_for_garbage():
        files = {stem: _read_checked(file) for stem, file in paths.items()}
        examples = _examples(paths, {stem: file.rows for stem, file in files.items()})
    return Splits(
        train=examples[TRAIN],
        subtasks={name: Subtask(name, TARGETS[name], examples[stem]) for name, stem in SUBTASKS.items()},
        sha256={paths[stem].name: file.sha256 for stem, file in files.items() if stem not in validation.values()},
        both=examples.get(BOTH_TEST, ()),
        validation={name: Subtask(name, TARGETS[name], examples[stem]) for name, stem in validation.items()},
    )


def load_rows(path: Path) -> tuple[Example, ...]:
    """The examples of one generated file, such as `corpus.jsonl`, whose rows all say which entity they are about.

    Raises ReversalError with file and line.
    """
    path = Path(path)
    rows = _read_checked(path).rows
    for number, row in enumerate(rows, start=1):
        if not row.entity_id:
            raise ReversalError(f"{path}:{number}: no field 'entity_id'; expected a generated file; generate it again")
    return tuple(_example(row) for row in rows)


def _read_checked(path: Path) -> RowFile:
    file = read_file(path)
    check_spaces(file.rows, path)
    return file


def _examples(paths: Mapping[str, Path], files: Mapping[str, Sequence[Row]]) -> dict[str, tuple[Example, ...]]:
    """The examples of every file, by stem; rows without an entity id get one from the name they mention."""
    if not all(row.entity_id for rows in files.values() for row in rows):
        files = _with_entities(paths, files)
    return {stem: tuple(_example(row) for row in rows) for stem, rows in files.items()}


def _with_entities(paths: Mapping[str, Path], files: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The rows with entity id, name, description and group filled in where they are missing."""
    groups = {name: group for group, names in reversed(group_targets(files).items()) for name in sorted(names)}
    vocabulary = Vocabulary()
    known = KnownNames.of(groups, vocabulary)
    in_prompts = {stem: known.first_in(vocabulary.number(row.prompt for row in rows)) for stem, rows in files.items()}
    phrases = noun_phrases(
        chain.from_iterable(rows for stem, rows in files.items() if stem != TRAIN),
        chain.from_iterable(names for stem, names in in_prompts.items() if stem != TRAIN),
    )

    def complete(row: Row, name: str | None, where: str) -> Row:
        if row.entity_id:
            return row
        if name is None:
            raise ReversalError(
                f"{where}: none of the {len(groups)} known names is in this row; expected an entity that a test file "
                "asks for; correct the line or add the entity to a test file"
            )
        description = phrases.get(name, "")
        return row._replace(entity_id=name, name=name, description=description, group=groups[name])

    completed = {}
    for stem, rows in files.items():
        names = _entity_names(rows, in_prompts[stem], known, vocabulary)
        numbered = enumerate(zip(rows, names, strict=True), start=1)
        completed[stem] = [complete(row, name, f"{paths[stem]}:{number}") for number, (row, name) in numbered]
    return completed


def _entity_names(
    rows: Sequence[Row], in_prompts: Sequence[str | None], known: KnownNames, vocabulary: Vocabulary
) -> Sequence[str | None]:
    """The name in each row: the first in its prompt, else the first in its completion, else one that reaches across."""
    names = in_prompts
    for texts in ((row.completion for row in rows), (row.text for row in rows)):
        if None in names:
            others = known.first_in(vocabulary.number(texts))
            names = [name or other for name, other in zip(names, others, strict=True)]
    return names


def _example(row: Row) -> Example:
    # Any other group is refused where the file is read.
    return Example(*row[:-1], cast("Group | None", row.group or None))
