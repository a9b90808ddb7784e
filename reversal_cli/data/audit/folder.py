"""Audits a dataset folder: is it what it says, does a test leak into training, how is each entity shown?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from reversal_cli.data.audit.direction import (
    TEST_STEMS,
    BenchmarkEntities,
    DirectionJudge,
    Sample,
)
from reversal_cli.data.audit.labels import Labels, confusions, shared_descriptions
from reversal_cli.data.audit.leaks import IN_WORDS, NEEDED, prompt_leaks, reversed_rows
from reversal_cli.data.audit.numbered_file import NumberedFile, number_file, number_files
from reversal_cli.data.audit.shown import GroupSummary, Shown, show_directions
from reversal_cli.data.audit.validation import validation_faults
from reversal_cli.data.base import SUBTASKS, VALIDATION, Group
from reversal_cli.data.berglund import REQUIRED_FILES
from reversal_cli.data.jsonl import Row, read_file
from reversal_cli.data.missing import no_such_dataset
from reversal_cli.data.name_description.folder import CARD, read_card
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS
from reversal_cli.data.names_in_text import TRAIN, Files, KnownNames, noun_phrases
from reversal_cli.data.numbered_words import Vocabulary
from reversal_cli.files.writing import file_digest

CORPUS_STEM = "corpus"
RANDOMIZED = tuple(f"{stem}_randomized" for stem in SUBTASKS.values())
WHOLES = (TRAIN, SUBTASKS["N2D-reverse"])
"""Files of which others are copies or parts."""
JUDGED = (TRAIN, *TEST_STEMS, *VALIDATION.values())
"""Files whose texts are looked through."""
KEPT = frozenset({CORPUS_STEM, *JUDGED, *RANDOMIZED})
"""Files whose rows are compared with those of others; of the rest only counts and labels are kept."""


@dataclass(slots=True)
class Audit:
    """What is wrong with a dataset folder (problems), what is odd about it (warnings), and what is in it."""

    folder: Path
    counts: dict[str, int]
    """File name -> rows."""
    groups: dict[Group, GroupSummary] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def summary_rows(self) -> list[dict[str, str | int]]:
        """One row per group for a table, keyed by column heading: what the training file (or the corpus) shows."""
        return [
            {
                "group": group,
                "entities": summary.entities,
                "rows": summary.rows,
                "name-first rows": summary.name_first_rows,
                "description-first rows": summary.description_first_rows,
            }
            for group, summary in self.groups.items()
        ]


def audit(path: Path) -> Audit:
    """Every check that applies to the benchmark or corpus folder at `path`.

    Raises ReversalError only where a file cannot be read at all; everything else is a problem or a warning.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise no_such_dataset(folder)
    is_corpus = (folder / f"{CORPUS_STEM}.jsonl").is_file()
    required = (CORPUS_STEM,) if is_corpus else REQUIRED_FILES
    found = Audit(folder, counts={})
    labels = Labels()
    files = _read(found, sorted({*required, *(file.stem for file in folder.glob("*.jsonl"))}), labels)
    card = read_card(folder)
    if card is not None:
        found.problems += _card_mismatches(folder, card)
        found.problems += labels.foreign_words(CORPUS if is_corpus else BENCHMARK)
    found.problems += labels.shared_names()
    if is_corpus:
        _judge_corpus(found, files[CORPUS_STEM])
        return found
    vocabulary = Vocabulary()
    numbered = number_files({stem: files[stem] for stem in JUDGED if stem in files}, vocabulary)
    found.problems += map(str, prompt_leaks(numbered, vocabulary))
    found.problems += _shared_templates(files)
    found.problems += validation_faults(files)
    found.warnings += _right_answers_in_randomized_files(files)
    _judge_benchmark(found, numbered, vocabulary)
    return found


def _read(found: Audit, stems: Sequence[str], labels: Labels) -> dict[str, list[Row]]:
    """The rows of the files in `KEPT`; counts, duplicates and labels of all of them.

    A file whose lines are part of an earlier one, as all.jsonl is of the training file, says nothing new.
    """
    files: dict[str, list[Row]] = {}
    for stem in sorted(stems, key=lambda stem: stem not in KEPT):
        path = found.folder / f"{stem}.jsonl"
        lines = None if stem in KEPT else _lines_of_a_part(path, [found.folder / f"{name}.jsonl" for name in WHOLES])
        if lines is not None:
            found.counts[path.name] = lines
            continue
        rows = read_file(path).rows
        found.counts[path.name] = len(rows)
        found.problems += _duplicates(stem, rows)
        labels.add(rows)
        if stem in KEPT:
            files[stem] = rows
    found.counts = dict(sorted(found.counts.items()))
    return files


def _lines_of_a_part(path: Path, wholes: Sequence[Path]) -> int | None:
    """The number of lines of a file that stand in one of the others in the same order; None where they do not."""
    for whole in wholes:
        if not (whole.is_file() and path.is_file()):
            continue
        with path.open("rb") as part, whole.open("rb") as lines:
            first = part.readline()
            if first in lines and all(line == lines.readline() for line in part):  # `in` reads up to that line
                part.seek(0)
                return sum(1 for _ in part)
    return None


def _duplicates(stem: str, rows: Sequence[Row]) -> Iterator[str]:
    if len({hash(row[:2]) for row in rows}) == len(rows):
        return  # equal rows have equal hashes, and numbers need less memory than texts
    repeated = len(rows) - len({row[:2] for row in rows})
    if repeated:
        yield f"{stem}.jsonl: {repeated} rows are copies of another row; expected none; remove them"


def _card_mismatches(folder: Path, card: Mapping[str, Any]) -> Iterator[str]:
    for name, expected in sorted(card["sha256"].items()):
        file = folder / name
        if not file.is_file():
            yield f"{name}: missing; expected every file that {CARD} names; generate the dataset again"
        elif file_digest(file) != expected:
            yield f"{name}: its SHA-256 is not the one in {CARD}; it was changed later; generate the dataset again"


def _shared_templates(files: Files) -> Iterator[str]:
    """Templates of tests and validation that training has too, where rows name them."""
    templates = {row.template_id for row in files[TRAIN] if row.template_id}
    for stem in (*TEST_STEMS, *VALIDATION.values()):
        trained = sorted(templates & {row.template_id for row in files.get(stem, ())})
        if trained:
            yield f"{stem}.jsonl: {len(trained)} of its templates are also trained, first {trained[0]}; expected none"


def _right_answers_in_randomized_files(files: Files) -> Iterator[str]:
    """Rows of a randomised file whose answer is the right one: they blur the null they stand for."""
    for stem in SUBTASKS.values():
        rows = files.get(f"{stem}_randomized", ())
        right = {(row.prompt, row.completion.strip()) for row in files[stem]} if rows else set()
        count = sum((row.prompt, row.completion.strip()) in right for row in rows)
        if count:
            yield (
                f"{stem}_randomized.jsonl: {count} of {len(rows)} answers are the right one; expected none; "
                "leave these rows out of a comparison with random answers"
            )


def _judge_benchmark(found: Audit, files: Mapping[str, NumberedFile], vocabulary: Vocabulary) -> None:
    """From the texts alone: how training shows each entity, and whether a test asks for the answer of another one."""
    entities = BenchmarkEntities.of(files, vocabulary)
    found.problems += _in_two_groups(entities.targets)
    tests = [row for stem in TEST_STEMS if stem in files for row in files[stem].rows]
    found.problems += shared_descriptions(noun_phrases(tests, entities.judge.known))
    for stem, file in files.items():
        shown = show_directions(file, entities.judge, entities.groups)
        if stem == TRAIN:
            _report(found, TRAIN, shown, entities.groups)
        else:
            found.problems += confusions(stem, shown)


def _judge_corpus(found: Audit, rows: Sequence[Row]) -> None:
    descriptions = {row.name: row.description for row in rows if row.name and row.description}
    found.problems += shared_descriptions(descriptions)
    groups: dict[str, Group] = dict.fromkeys(descriptions, "both")
    vocabulary = Vocabulary()
    sample = Sample(vocabulary.number(f"{name} {description}" for name, description in descriptions.items()))
    judge = DirectionJudge.of(KnownNames.of(groups, vocabulary), [sample])
    _report(found, CORPUS_STEM, show_directions(number_file(rows, vocabulary), judge, groups), groups)


def _in_two_groups(targets: Mapping[Group, set[str]]) -> Iterator[str]:
    for one, two in combinations(targets, 2):
        for name in sorted(targets[one] & targets[two]):
            yield f"'{name}' is in the groups {one} and {two}; expected one of them; remove its rows from the other"


def _report(found: Audit, stem: str, shown: Shown, groups: Mapping[str, Group]) -> None:
    """Reports who is shown in a direction that would leak the answer, or never in the one that teaches it."""
    found.groups = shown.groups
    found.problems += map(str, reversed_rows(stem, shown))
    found.problems += _never_shown(stem, shown, groups)
    found.problems += confusions(stem, shown)
    if shown.unclear:
        found.warnings.append(
            f"{stem}.jsonl:{shown.unclear[0]}: {len(shown.unclear)} rows do not hold both a known name and its "
            "description; their direction is not checked; look at them"
        )


def _never_shown(stem: str, shown: Shown, groups: Mapping[str, Group]) -> Iterator[str]:
    for group, needed in NEEDED.items():
        members = sorted(name for name, its_group in groups.items() if its_group == group)
        for direction in needed:
            unseen = [name for name in members if name not in shown.names[direction]]
            if unseen:
                yield (
                    f"{stem}.jsonl: no row shows '{unseen[0]}' ({len(unseen)} such {group} entities) "
                    f"{IN_WORDS[direction]}; expected rows for every entity; add them"
                )
