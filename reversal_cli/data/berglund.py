"""Reads a benchmark folder in the layout published by Berglund et al. (2309.12288), theirs or a generated one.

The published rows hold a prompt and a completion only. Who a row is about is recovered from the names that the test
files ask for, so that scores can be averaged by entity.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reversal_cli.data.base import SUBTASKS, TARGETS, VALIDATION, Example, Splits, Subtask
from reversal_cli.data.people import BOTH_TEST, TRAIN, Files, KnownNames, group_targets, noun_phrases
from reversal_cli.data.rows import OPTIONAL_FIELDS, REQUIRED_FIELDS, Row, check_space, read_rows
from reversal_cli.errors import ReversalError

REQUIRED_FILES = (TRAIN, *SUBTASKS.values())
"""Stems of the files a folder must have; `both_prompts_test` is read where it is present."""


def load_folder(path: Path) -> Splits:
    """The training rows and the four subtasks of a benchmark folder, every row with its entity.

    The validation files are read where there is one of them; then all four must be there. Raises ReversalError, with
    file and line, for a folder that is incomplete, malformed, names nobody in a row, or asks a prompt that is in the
    training file, or validates with one that is tested.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ReversalError(f"{folder}: no such folder; expected a dataset; run `reversal generate` or check the path")
    paths = {stem: folder / f"{stem}.jsonl" for stem in REQUIRED_FILES}
    if (folder / f"{BOTH_TEST}.jsonl").is_file():
        paths[BOTH_TEST] = folder / f"{BOTH_TEST}.jsonl"
    validation = VALIDATION if any((folder / f"{stem}.jsonl").is_file() for stem in VALIDATION.values()) else {}
    paths |= {stem: folder / f"{stem}.jsonl" for stem in validation.values()}
    for file in paths.values():
        _check_file(file)
    examples = _examples(paths, {stem: _load_json(file) for stem, file in paths.items()})
    _refuse_overlap(paths, examples)
    return Splits(
        train=examples[TRAIN],
        subtasks={name: Subtask(name, TARGETS[name], examples[stem]) for name, stem in SUBTASKS.items()},
        sha256={
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for stem, file in paths.items()
            if stem not in validation.values()
        },
        both=examples.get(BOTH_TEST, ()),
        validation={name: Subtask(name, TARGETS[name], examples[stem]) for name, stem in validation.items()},
    )


def load_rows(path: Path) -> tuple[Example, ...]:
    """The examples of one generated file, such as `corpus.jsonl`, whose rows all say which entity they are about.

    Cheap: it does not import the `datasets` library. Raises ReversalError with file and line.
    """
    path = Path(path)
    rows = _check_file(path)
    for number, row in enumerate(rows, start=1):
        if not row.get("entity_id"):
            raise ReversalError(f"{path}:{number}: no field 'entity_id'; expected a generated file; generate it again")
    return tuple(_example(row) for row in rows)


def _check_file(path: Path) -> list[Row]:
    rows = read_rows(path)
    for number, row in enumerate(rows, start=1):
        check_space(row, f"{path}:{number}")
    return rows


def _load_json(path: Path) -> list[Row]:
    """The rows of a checked file through the `datasets` library, leaving no cache and printing no progress."""
    import datasets  # takes a second to import

    bars_were_on = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with tempfile.TemporaryDirectory(prefix="reversal-") as cache:
            # Not load_dataset("json"), which asks the hub to count the download of a local file.
            table = datasets.Dataset.from_json(str(path.resolve()), cache_dir=cache, keep_in_memory=True)
            return table.to_list()
    except datasets.exceptions.DatasetGenerationError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ReversalError(f"{path}: {reason}; expected the same fields in every line; correct the file") from error
    finally:
        if bars_were_on:
            datasets.enable_progress_bars()


def _examples(paths: Mapping[str, Path], files: Files) -> dict[str, tuple[Example, ...]]:
    """The examples of every file, by stem; rows without an entity id get one from the name they mention."""
    if not all(row.get("entity_id") for rows in files.values() for row in rows):
        files = _with_entities(paths, files)
    return {stem: tuple(_example(row) for row in rows) for stem, rows in files.items()}


def _with_entities(paths: Mapping[str, Path], files: Files) -> dict[str, list[Row]]:
    """The rows with entity id, name, description and group filled in where they are missing."""
    groups = {name: group for group, names in reversed(group_targets(files).items()) for name in names}
    known = KnownNames.of(groups)
    phrases = noun_phrases((row for stem, rows in files.items() if stem != TRAIN for row in rows), known)

    def complete(row: Row, where: str) -> Row:
        if row.get("entity_id"):
            return row
        name = known.first(row["prompt"]) or known.first(row["completion"])
        if name is None:
            raise ReversalError(
                f"{where}: none of the {len(groups)} known names is in this row; expected a person that a test file "
                "asks for; correct the line or add the person to a test file"
            )
        description = phrases.get(name, "")
        return {**row, "entity_id": name, "name": name, "description": description, "group": groups[name]}

    return {
        stem: [complete(row, f"{paths[stem]}:{number}") for number, row in enumerate(rows, start=1)]
        for stem, rows in files.items()
    }


def _example(row: Row) -> Example:
    return Example(**{field: row[field] for field in (*REQUIRED_FIELDS, *OPTIONAL_FIELDS) if row.get(field)})


def _refuse_overlap(paths: Mapping[str, Path], examples: Mapping[str, Sequence[Example]]) -> None:
    """Raise if a test or validation prompt is trained, which would measure recall of a row, or if it is in both."""
    trained = _places([TRAIN], examples)
    tests = (*SUBTASKS.values(), BOTH_TEST)
    _refuse_shared(tests, paths, examples, trained)
    _refuse_shared(VALIDATION.values(), paths, examples, trained | _places(tests, examples))


def _places(stems: Iterable[str], examples: Mapping[str, Sequence[Example]]) -> dict[str, str]:
    """Prompt -> where it stands."""
    rows = ((stem, number, row) for stem in stems for number, row in enumerate(examples.get(stem, ()), start=1))
    return {row.prompt: f"line {number} of {stem}.jsonl" for stem, number, row in rows}


def _refuse_shared(
    stems: Iterable[str], paths: Mapping[str, Path], examples: Mapping[str, Sequence[Example]], places: dict[str, str]
) -> None:
    for stem in stems:
        for number, row in enumerate(examples.get(stem, ()), start=1):
            if row.prompt in places:
                raise ReversalError(
                    f"{paths[stem]}:{number}: this prompt is also {places[row.prompt]}; expected prompts that "
                    "training, tests and validation do not share; remove one of the two"
                )
