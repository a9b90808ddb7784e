"""Leaks: test prompts that occur in training, and training examples that state a fact in the reversed direction."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from reversal_cli.data.audit.direction import FileDirections, find_directions
from reversal_cli.data.audit.numbered_file import NumberedFile, number_files
from reversal_cli.data.audit.reader import TEST_STEMS, BenchmarkEntities
from reversal_cli.data.base import SUBTASKS, VALIDATION, Direction, Group, Splits
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN, AnyExample, Files
from reversal_cli.data.numbered_words import NumberedTexts, Vocabulary
from reversal_cli.data.phrase_tree import PhraseTree

NEEDED: dict[Group, tuple[Direction, ...]] = {
    "name-first": ("N2D",),
    "description-first": ("D2N",),
    "both": ("N2D", "D2N"),
}
"""Group -> the directions in which training must show its entities; every other one is a leak."""
IN_WORDS: dict[Direction, str] = {
    "N2D": "with the name before the description",
    "D2N": "with the description before the name",
}


SHOWN_REVERSED = "training rows show "
"""How the kind of a leak begins that counts rows of the training file."""


class Leak(NamedTuple):
    """One kind of leak in one file."""

    where: str
    """`p2d_prompts_test.jsonl:3`, the first place."""
    count: int  # type: ignore[assignment]  # a tuple's own count is not needed
    what: str
    """Goes after the count: `of its prompts ...`, `rows show ...`."""
    remedy: str
    """What is expected; what to do."""
    kind: str
    """Goes after the count of several leaks: `test prompts are trained`."""

    def __str__(self) -> str:
        return f"{self.where}: {self.count} {self.what}; {self.remedy}"


def files_of(splits: Splits) -> Files:
    """File stem -> examples, of a dataset."""
    files: dict[str, Sequence[AnyExample]] = {TRAIN: splits.train, BOTH_TEST: splits.both}
    files |= {SUBTASKS[name]: subtask.examples for name, subtask in splits.subtasks.items()}
    return files | {VALIDATION[name]: subtask.examples for name, subtask in splits.validation.items()}


def find_leaks(files: Files) -> list[Leak]:
    """Every leak: test and validation prompts that are trained or tested, and examples that show a reversed fact."""
    vocabulary = Vocabulary()
    numbered = number_files(files, vocabulary)
    entities = BenchmarkEntities.of(numbered, vocabulary)
    directions = find_directions(numbered[TRAIN], entities.reader, entities.groups)
    return [*prompt_leaks(numbered), *reversed_examples(TRAIN, directions)]


def count_by_kind(leaks: Iterable[Leak]) -> str:
    """`12 test prompts are trained, 30 training rows show ...`: each kind with its count; empty without leaks."""
    counts: Counter[str] = Counter()
    for leak in leaks:
        counts[leak.kind] += leak.count
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def prompt_leaks(files: Mapping[str, NumberedFile]) -> Iterator[Leak]:
    """Prompts with which a training example begins, and validation prompts with which a test example does.

    Whole texts are compared word by word: a prompt with other space, case or punctuation, or one whose last word has
    moved into the completion, trains the same words in the same order.
    """
    train = {TRAIN: files[TRAIN].texts}
    tests = {stem: files[stem].texts for stem in TEST_STEMS if stem in files}
    validation = [stem for stem in VALIDATION.values() if stem in files]
    for stem in tests:
        yield from _shared_prompts(stem, files[stem].prompts, train, f"{TRAIN}.jsonl", "test prompts are trained")
    for stem in validation:
        yield from _shared_prompts(stem, files[stem].prompts, train, f"{TRAIN}.jsonl", "validation prompts are trained")
    for stem in validation:
        yield from _shared_prompts(stem, files[stem].prompts, tests, "a test file", "validation prompts are tested")


def _shared_prompts(
    stem: str, prompts: NumberedTexts, texts: Mapping[str, NumberedTexts], other: str, kind: str
) -> Iterator[Leak]:
    """The leak of prompts with which texts of other files begin. texts: by stem."""
    tree = PhraseTree.of(prompts)
    places = _first_places(tree, texts)
    numbers = np.flatnonzero(np.isin(tree.same, list(places)))
    if len(numbers):
        what = f"of its prompts are also in {other}, first {places[int(tree.same[numbers[0]])]}"
        remedy = "expected prompts that training, tests and validation do not share; remove one of the two"
        yield Leak(f"{stem}.jsonl:{numbers[0] + 1}", len(numbers), what, remedy, kind)


def _first_places(prompts: PhraseTree, texts: Mapping[str, NumberedTexts]) -> dict[int, str]:
    """Prompt -> the first text that begins with it, in words: `line 7 of all_prompts_train.jsonl`."""
    places: dict[int, str] = {}
    for stem, numbered in texts.items():
        starts = prompts.at_start_of(numbered)
        phrases, first = np.unique(starts.phrases, return_index=True)
        numbers = numbered.text_at(starts.places[first])
        for phrase, number in zip(phrases.tolist(), numbers.tolist(), strict=True):
            places.setdefault(phrase, f"line {number + 1} of {stem}.jsonl")
    return places


def reversed_examples(stem: str, directions: FileDirections) -> Iterator[Leak]:
    """Examples that show an entity in a direction that would leak the answer of a reverse subtask."""
    for (group, direction), lines in directions.lines.items():
        if direction not in NEEDED[group] and len(lines):
            # "rows": manifests hold this text, and tables compare it.
            shown = f"a {group} entity {IN_WORDS[direction]}"
            remedy = "expected none, or its reverse subtask does not measure reversal; remove these rows"
            yield Leak(f"{stem}.jsonl:{lines[0]}", len(lines), f"rows show {shown}", remedy, SHOWN_REVERSED + shown)
