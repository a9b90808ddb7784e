"""The audit of a dataset folder: files, labels, leaks into training, and the directions that training shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations
from pathlib import Path

from reversal_cli.data.audit.clues import Sample
from reversal_cli.data.audit.copies import duplicates, lines_of_a_part
from reversal_cli.data.audit.direction import FileDirections, GroupSummary, find_directions
from reversal_cli.data.audit.labels import Labels, confusions, shared_descriptions
from reversal_cli.data.audit.leaks import IN_WORDS, NEEDED, prompt_leaks, reversed_examples
from reversal_cli.data.audit.numbered_file import NumberedFile, number_file, number_files
from reversal_cli.data.audit.reader import TEST_STEMS, BenchmarkEntities, EntityReader
from reversal_cli.data.audit.validation_split import validation_faults
from reversal_cli.data.base import SUBTASKS, VALIDATION, Group
from reversal_cli.data.berglund import REQUIRED_FILES
from reversal_cli.data.jsonl import RawExample, read_file, without_garbage_collection
from reversal_cli.data.missing import no_such_dataset
from reversal_cli.data.name_description.folder import CARD, Card, read_card
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS, LARGE_BENCHMARK
from reversal_cli.data.names_in_text import TRAIN, Files, KnownNames, noun_phrases
from reversal_cli.data.numbered_words import Vocabulary
from reversal_cli.files.writing import file_sha256

CORPUS_STEM = "corpus"
RANDOMIZED = tuple(f"{stem}_randomized" for stem in SUBTASKS.values())
WHOLES = (TRAIN, SUBTASKS["N2D-reverse"])
"""Files of which others are copies or parts."""
TEXT_STEMS = (TRAIN, *TEST_STEMS, *VALIDATION.values())
"""Files whose texts are read for names and descriptions."""
COMPARED_STEMS = frozenset({CORPUS_STEM, *TEXT_STEMS, *RANDOMIZED})
"""Files whose examples are compared with those of others; of the rest only counts and labels matter."""


@dataclass(slots=True)
class Audit:
    """What is wrong with a dataset folder (problems), what is odd about it (warnings), and what is in it."""

    folder: Path
    counts: dict[str, int]
    """File name -> number of examples."""
    groups: dict[Group, GroupSummary] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def summary_rows(self) -> list[dict[str, str | int]]:
        """One row per group for a table, keyed by column heading: what the training file (or the corpus) shows."""
        return [
            {
                "group": group,
                "entities": summary.entities,
                "rows": summary.examples,
                "name-first rows": summary.name_first_examples,
                "description-first rows": summary.description_first_examples,
            }
            for group, summary in self.groups.items()
        ]


def audit(path: Path) -> Audit:
    """Every check that applies to the benchmark or corpus folder at `path`.

    Raises ReversalError only if a file cannot be read; everything else is a problem or a warning.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise no_such_dataset(folder)
    with without_garbage_collection():
        return _audit(folder)


def _audit(folder: Path) -> Audit:
    is_corpus = (folder / f"{CORPUS_STEM}.jsonl").is_file()
    required = (CORPUS_STEM,) if is_corpus else REQUIRED_FILES
    result = Audit(folder, counts={})
    labels = Labels()
    digests: dict[str, str] = {}
    files = _read(result, sorted({*required, *(file.stem for file in folder.glob("*.jsonl"))}), labels, digests)
    card = read_card(folder)
    if card is not None:
        result.problems += _card_mismatches(folder, card, digests)
        result.problems += labels.foreign_words([CORPUS] if is_corpus else [BENCHMARK, LARGE_BENCHMARK])
    result.problems += labels.shared_names()
    if is_corpus:
        _check_corpus(result, files[CORPUS_STEM])
    else:
        _check_benchmark(result, files)
    return result


def _check_benchmark(result: Audit, files: Files) -> None:
    vocabulary = Vocabulary()
    numbered = number_files({stem: files[stem] for stem in TEXT_STEMS if stem in files}, vocabulary)
    result.problems += map(str, prompt_leaks(numbered))
    result.problems += _shared_templates(files)
    result.problems += validation_faults(files)
    result.warnings += _right_answers_in_randomized_files(files)
    _check_texts(result, numbered, vocabulary)


def _read(result: Audit, stems: Sequence[str], labels: Labels, digests: dict[str, str]) -> dict[str, list[RawExample]]:
    """The examples of the files in `COMPARED_STEMS`; counts, duplicates, labels and SHA-256 of all files go to the
    arguments.

    Of a file that is part of another one, as all.jsonl is of the training file, only the lines are counted.
    """
    files: dict[str, list[RawExample]] = {}
    for stem in sorted(stems, key=lambda stem: stem not in COMPARED_STEMS):
        path = result.folder / f"{stem}.jsonl"
        lines = (
            None
            if stem in COMPARED_STEMS
            else lines_of_a_part(path, [result.folder / f"{name}.jsonl" for name in WHOLES])
        )
        if lines is not None:
            result.counts[path.name] = lines
            continue
        examples, digests[path.name] = read_file(path)
        result.counts[path.name] = len(examples)
        result.problems += duplicates(stem, examples)
        labels.add(examples)
        if stem in COMPARED_STEMS:
            files[stem] = examples
    result.counts = dict(sorted(result.counts.items()))
    return files


def _card_mismatches(folder: Path, card: Card, digests: Mapping[str, str]) -> Iterator[str]:
    """digests: file name -> SHA-256, of the files that were read."""
    for name, expected in sorted(card.sha256.items()):
        file = folder / name
        if not file.is_file():
            yield f"{name}: missing; expected every file that {CARD} names; generate the dataset again"
        elif (digests.get(name) or file_sha256(file)) != expected:
            yield f"{name}: its SHA-256 is not the one in {CARD}; it was changed later; generate the dataset again"


def _shared_templates(files: Files) -> Iterator[str]:
    """Templates of tests and validation that are also trained, by the template ids of the examples."""
    templates = {example.template_id for example in files[TRAIN] if example.template_id}
    for stem in (*TEST_STEMS, *VALIDATION.values()):
        shared = sorted(templates & {example.template_id for example in files.get(stem, ())})
        if shared:
            yield f"{stem}.jsonl: {len(shared)} of its templates are also trained, first {shared[0]}; expected none"


def _right_answers_in_randomized_files(files: Files) -> Iterator[str]:
    """Examples of a randomised file whose answer is right, which it must not be."""
    for stem in SUBTASKS.values():
        examples = files.get(f"{stem}_randomized", ())
        right = {(example.prompt, example.completion.strip()) for example in files[stem]} if examples else set()
        count = sum((example.prompt, example.completion.strip()) in right for example in examples)
        if count:
            yield (
                f"{stem}_randomized.jsonl: {count} of {len(examples)} answers are the right one; expected none; "
                "leave these examples out of a comparison with random answers"
            )


def _check_texts(result: Audit, files: Mapping[str, NumberedFile], vocabulary: Vocabulary) -> None:
    """Checks the texts: how training shows each entity, and whether a test asks for the answer of another one."""
    entities = BenchmarkEntities.of(files, vocabulary)
    result.problems += _in_two_groups(entities.targets)
    tests = [files[stem] for stem in TEST_STEMS if stem in files]
    examples = chain.from_iterable(file.examples for file in tests)
    names = chain.from_iterable(entities.reader.known.first_in(file.prompts) for file in tests)
    result.problems += shared_descriptions(noun_phrases(examples, names))
    for stem, file in files.items():
        directions = find_directions(file, entities.reader, entities.groups)
        if stem == TRAIN:
            _report(result, TRAIN, directions, entities.groups)
        else:
            result.problems += confusions(stem, directions)


def _check_corpus(result: Audit, examples: Sequence[RawExample]) -> None:
    descriptions = {example.name: example.description for example in examples if example.name and example.description}
    result.problems += shared_descriptions(descriptions)
    groups: dict[str, Group] = dict.fromkeys(descriptions, "both")
    vocabulary = Vocabulary()
    sample = Sample(vocabulary.number(f"{name} {description}" for name, description in descriptions.items()))
    reader = EntityReader.of(KnownNames.of(groups, vocabulary), [sample])
    _report(result, CORPUS_STEM, find_directions(number_file(examples, vocabulary), reader, groups), groups)


def _in_two_groups(targets: Mapping[Group, set[str]]) -> Iterator[str]:
    for one, two in combinations(targets, 2):
        for name in sorted(targets[one] & targets[two]):
            yield f"'{name}' is in the groups {one} and {two}; expected one of them; remove its examples from the other"


def _report(result: Audit, stem: str, directions: FileDirections, groups: Mapping[str, Group]) -> None:
    """Reports entities that are shown in a direction that leaks the answer, or never in one that they need."""
    result.groups = directions.groups
    result.problems += map(str, reversed_examples(stem, directions))
    result.problems += _never_shown(stem, directions, groups)
    result.problems += confusions(stem, directions)
    if directions.unclear:
        result.warnings.append(
            f"{stem}.jsonl:{directions.unclear[0]}: {len(directions.unclear)} examples do not hold both a known name "
            "and its description; their direction is not checked; look at them"
        )


def _never_shown(stem: str, directions: FileDirections, groups: Mapping[str, Group]) -> Iterator[str]:
    for group, needed in NEEDED.items():
        members = sorted(name for name, its_group in groups.items() if its_group == group)
        for direction in needed:
            missing = [name for name in members if name not in directions.names[direction]]
            if missing:
                yield (
                    f"{stem}.jsonl: no example shows '{missing[0]}' ({len(missing)} such {group} entities) "
                    f"{IN_WORDS[direction]}; expected examples for every entity; add them"
                )
