"""Finds leaks: test prompts that occur in training, and training rows that state a fact in the reversed direction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from reversal_cli.data.audit.direction import TEST_STEMS, BenchmarkEntities, Shown, show_directions
from reversal_cli.data.base import SUBTASKS, VALIDATION, Direction, Group, Splits
from reversal_cli.data.folding import folded_words
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN, AnyRow, Files

NEEDED: dict[Group, tuple[Direction, ...]] = {
    "name-first": ("N2D",),
    "description-first": ("D2N",),
    "both": ("N2D", "D2N"),
}
"""Group -> the directions its entities must be shown in, and no other."""
IN_WORDS: dict[Direction, str] = {
    "N2D": "with the name before the description",
    "D2N": "with the description before the name",
}
Words = tuple[str, ...]
KEY_WORDS = 4
"""Prompts are looked up by so many of their first words: few share them with a row of another template."""


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
    """The files of a dataset that was read, by stem."""
    files: dict[str, Sequence[AnyRow]] = {TRAIN: splits.train, BOTH_TEST: splits.both}
    files |= {SUBTASKS[name]: subtask.examples for name, subtask in splits.subtasks.items()}
    return files | {VALIDATION[name]: subtask.examples for name, subtask in splits.validation.items()}


def find_leaks(files: Files) -> list[Leak]:
    """Every leak: prompts of tests and validation that training has, and rows that show a reversed fact."""
    entities = BenchmarkEntities.of(files)
    shown = show_directions(files[TRAIN], entities.judge, entities.groups)
    return [*prompt_leaks(files), *reversed_rows(TRAIN, shown, entities.groups)]


def counted(leaks: Iterable[Leak]) -> str:
    """`12 test prompts are trained, 30 training rows show ...`: each kind with its count; empty without leaks."""
    counts: Counter[str] = Counter()
    for leak in leaks:
        counts[leak.kind] += leak.count
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def prompt_leaks(files: Files) -> Iterator[Leak]:
    """Prompts with which a training row begins, and validation prompts with which a test row does.

    Only words count, and the whole row: a prompt with other space, case or punctuation, or one whose last word has
    moved into the completion, trains the same words in the same order.
    """
    tests = {stem: files[stem] for stem in TEST_STEMS if stem in files}
    validation = {stem: files[stem] for stem in VALIDATION.values() if stem in files}
    trained = beginnings({TRAIN: files[TRAIN]}, {**tests, **validation})
    for stem, rows in tests.items():
        yield from _shared(stem, rows, trained, f"{TRAIN}.jsonl", "test prompts are trained")
    for stem, rows in validation.items():
        yield from _shared(stem, rows, trained, f"{TRAIN}.jsonl", "validation prompts are trained")
    tested = beginnings(tests, validation)
    for stem, rows in validation.items():
        yield from _shared(stem, rows, tested, "a test file", "validation prompts are tested")


def beginnings(texts: Files, prompts: Files) -> dict[Words, str]:
    """Words of a prompt -> the first place where the text of a row begins with them, for every such prompt."""
    index: dict[Words, list[str]] = defaultdict(list)
    for rows in prompts.values():
        for row in rows:
            index[_first_words(row.prompt)].append(row.prompt)
    sizes = sorted({len(key) for key in index} - {0})
    by_length: dict[Words, dict[int, set[Words]]] = {}  # only of the few keys that some text has
    found: dict[Words, str] = {}
    for stem, rows in texts.items():
        for number, row in enumerate(rows, start=1):
            first = _first_words(row.text)
            for key in [first[:size] for size in sizes if first[:size] in index]:
                if key not in by_length:
                    by_length[key] = _by_length(index[key])
                for prompt in _beginnings(folded_words(row.text), by_length[key]):
                    found.setdefault(prompt, f"line {number} of {stem}.jsonl")
    return found


def _beginnings(words: list[str], by_length: Mapping[int, set[Words]]) -> list[Words]:
    starts = [(tuple(words[:length]), prompts) for length, prompts in by_length.items()]
    return [start for start, prompts in starts if start in prompts]


def _by_length(prompts: Iterable[str]) -> dict[int, set[Words]]:
    found: dict[int, set[Words]] = defaultdict(set)
    for prompt in prompts:
        words = tuple(folded_words(prompt))
        found[len(words)].add(words)
    return found


def _first_words(text: str) -> Words:
    """The first `KEY_WORDS` words, without a look at the whole text where its first spaces part that many."""
    words = folded_words(text, KEY_WORDS)
    if len(words) < KEY_WORDS:
        words = folded_words(text)
    return tuple(words[:KEY_WORDS])


def _shared(stem: str, rows: Sequence[AnyRow], places: Mapping[Words, str], other: str, kind: str) -> Iterator[Leak]:
    """The prompts of one file that have a place in another one."""
    if not places:
        return
    found = [places.get(tuple(folded_words(row.prompt))) for row in rows]
    shared = [number for number, place in enumerate(found, start=1) if place]
    if shared:
        what = f"of its prompts are also in {other}, first {found[shared[0] - 1]}"
        remedy = "expected prompts that training, tests and validation do not share; remove one of the two"
        yield Leak(f"{stem}.jsonl:{shared[0]}", len(shared), what, remedy, kind)


def reversed_rows(stem: str, shown: Shown, groups: Mapping[str, Group]) -> Iterator[Leak]:
    """Rows that show an entity in a direction that would leak the answer of a reverse subtask."""
    for group, needed in NEEDED.items():
        for direction, lines in shown.lines.items():
            seen = sorted({number for name in lines if groups[name] == group for number in lines[name]})
            if direction not in needed and seen:
                what = f"rows show a {group} entity {IN_WORDS[direction]}"
                remedy = "expected none, or its reverse subtask does not measure reversal; remove these rows"
                yield Leak(f"{stem}.jsonl:{seen[0]}", len(seen), what, remedy, f"training {what}")
