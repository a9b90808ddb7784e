"""Audits a dataset folder: is it what it says, does a test leak into training, who is shown in which direction?"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from reversal_cli.data.base import SUBTASKS, VALIDATION, Direction, Group
from reversal_cli.data.berglund import REQUIRED_FILES
from reversal_cli.data.check_validation import validation_faults
from reversal_cli.data.direction import GroupSummary, Shown, show_directions
from reversal_cli.data.name_description.folder import CARD, read_card
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS, Lexicon
from reversal_cli.data.people import BOTH_TEST, TRAIN, Files, KnownNames, group_targets, noun_phrases, words
from reversal_cli.data.rows import read_rows
from reversal_cli.errors import ReversalError

CORPUS_STEM = "corpus"
TEST_STEMS = (*SUBTASKS.values(), BOTH_TEST)
NEEDED: dict[Group, tuple[Direction, ...]] = {
    "name-first": ("N2D",),
    "description-first": ("D2N",),
    "both": ("N2D", "D2N"),
}
"""Group -> the directions its people must be shown in, and no other."""
IN_WORDS: dict[Direction, str] = {
    "N2D": "with the name before the description",
    "D2N": "with the description before the name",
}


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
        raise ReversalError(f"{folder}: no such folder; expected a dataset; run `reversal generate` or check the path")
    is_corpus = (folder / f"{CORPUS_STEM}.jsonl").is_file()
    required = (CORPUS_STEM,) if is_corpus else REQUIRED_FILES
    stems = sorted({*required, *(file.stem for file in folder.glob("*.jsonl"))})
    files = {stem: read_rows(folder / f"{stem}.jsonl") for stem in stems}
    found = Audit(folder, counts={f"{stem}.jsonl": len(rows) for stem, rows in files.items()})
    found.problems += _duplicates(files)
    card = read_card(folder)
    if card is not None:
        found.problems += _card_mismatches(folder, card)
        found.problems += _foreign_words(files, CORPUS if is_corpus else BENCHMARK)
    found.problems += _shared_names(files)
    if is_corpus:
        _judge_corpus(found, files)
        return found
    found.problems += _overlaps(files)
    found.problems += validation_faults(files)
    found.warnings += _right_answers_in_randomized_files(files)
    _judge_training(found, files)
    return found


def _duplicates(files: Files) -> Iterator[str]:
    for stem, rows in files.items():
        repeated = len(rows) - len({(row["prompt"], row["completion"]) for row in rows})
        if repeated:
            yield f"{stem}.jsonl: {repeated} rows are copies of another row; expected none; remove them"


def _card_mismatches(folder: Path, card: Mapping[str, Any]) -> Iterator[str]:
    for name, expected in sorted(card["sha256"].items()):
        file = folder / name
        if not file.is_file():
            yield f"{name}: missing; expected every file that {CARD} names; generate the dataset again"
        elif hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            yield f"{name}: its SHA-256 is not the one in {CARD}; it was changed later; generate the dataset again"


def _foreign_words(files: Files, lexicon: Lexicon) -> Iterator[str]:
    """Names and titles with a word that is not in the part of the lexicon this dataset may use."""
    rows = [row for rows in files.values() for row in rows]
    used = {
        "name": {word for name in {row.get("name", "") for row in rows} for word in name.split()},
        "title": {word for text in {row.get("description", "") for row in rows} for word in text.split()[-2:]},
    }
    own = {"name": lexicon.name_words, "title": lexicon.title_words}
    for kind in ("name", "title"):
        foreign = sorted(used[kind] - own[kind])
        if foreign:
            yield (
                f"{len(foreign)} {kind} words are not of this dataset's part of the lexicon, first '{foreign[0]}'; "
                "expected no word that benchmark and corpus share; generate the dataset again"
            )


def _shared_names(files: Files) -> Iterator[str]:
    """Names of more than one entity, where rows have entity ids."""
    owners: dict[str, set[str]] = defaultdict(set)
    for rows in files.values():
        for row in rows:
            if row.get("name") and row.get("entity_id"):
                owners[row["name"]].add(row["entity_id"])
    for name in sorted(name for name, entities in owners.items() if len(entities) > 1):
        yield f"'{name}' is the name of {', '.join(sorted(owners[name]))}; expected one entity; rename the others"


def _overlaps(files: Files) -> Iterator[str]:
    """Test and validation prompts, and their templates where rows name them, that training shows."""
    prompts = {row["prompt"] for row in files[TRAIN]}
    templates = {row["template_id"] for row in files[TRAIN] if row.get("template_id")}
    for stem in (*TEST_STEMS, *VALIDATION.values()):
        rows = files.get(stem, ())
        shared = [number for number, row in enumerate(rows, start=1) if row["prompt"] in prompts]
        if shared:
            yield (
                f"{stem}.jsonl:{shared[0]}: {len(shared)} of its prompts are also in {TRAIN}.jsonl; expected prompts "
                "that training never shows; remove one of the two"
            )
        trained = sorted(templates & {row.get("template_id", "") for row in rows})
        if trained:
            yield f"{stem}.jsonl: {len(trained)} of its templates are also trained, first {trained[0]}; expected none"


def _right_answers_in_randomized_files(files: Files) -> Iterator[str]:
    """Rows of a randomised file whose answer is the right one: they blur the null they stand for."""
    for stem in SUBTASKS.values():
        rows = files.get(f"{stem}_randomized", ())
        right = {(row["prompt"], row["completion"].strip()) for row in files[stem]}
        count = sum((row["prompt"], row["completion"].strip()) in right for row in rows)
        if count:
            yield (
                f"{stem}_randomized.jsonl: {count} of {len(rows)} answers are the right one; expected none; "
                "leave these rows out of a comparison with random answers"
            )


def _judge_training(found: Audit, files: Files) -> None:
    """Group of a person = which test file asks about it; direction of a training row = what its text shows."""
    targets = group_targets(files)
    found.problems += _in_two_groups(targets)
    groups = {name: group for group, names in targets.items() for name in sorted(names)}
    known = KnownNames.of(groups)
    tests = [row for stem in TEST_STEMS for row in files.get(stem, ())]
    found.problems += _shared_descriptions(noun_phrases(tests, known))
    texts: dict[str, list[str]] = {name: [] for name in groups}
    for row in tests or files[TRAIN]:
        text = row["prompt"] + row["completion"]
        for mention in known.mentions(words(text)):
            texts[mention.name].append(text)
    _judge(found, TRAIN, show_directions(files[TRAIN], texts, groups), groups)


def _judge_corpus(found: Audit, files: Files) -> None:
    descriptions = {
        row["name"]: row["description"] for row in files[CORPUS_STEM] if {"name", "description"} <= set(row)
    }
    found.problems += _shared_descriptions(descriptions)
    groups: dict[str, Group] = dict.fromkeys(descriptions, "both")
    texts = {name: [description] for name, description in descriptions.items()}
    _judge(found, CORPUS_STEM, show_directions(files[CORPUS_STEM], texts, groups), groups)


def _in_two_groups(targets: Mapping[Group, set[str]]) -> Iterator[str]:
    for one, two in combinations(targets, 2):
        for name in sorted(targets[one] & targets[two]):
            yield f"'{name}' is in the groups {one} and {two}; expected one of them; remove its rows from the other"


def _shared_descriptions(descriptions: Mapping[str, str]) -> Iterator[str]:
    owners: dict[str, list[str]] = defaultdict(list)
    for name, description in sorted(descriptions.items()):
        owners[description].append(name)
    for description, names in sorted(owners.items()):
        if len(names) > 1:
            yield f"'{description}' describes {' and '.join(names)}; expected one of them; change the others"


def _judge(found: Audit, stem: str, shown: Shown, groups: Mapping[str, Group]) -> None:
    """Reports who is shown in a direction that would leak the answer, or never in the one that teaches it."""
    found.groups = shown.groups
    for group, needed in NEEDED.items():
        members = sorted(name for name, its_group in groups.items() if its_group == group)
        for direction, lines in shown.lines.items():
            seen = sorted(number for name in members for number in lines.get(name, ()))
            unseen = [name for name in members if name not in lines]
            if direction not in needed and seen:
                found.problems.append(
                    f"{stem}.jsonl:{seen[0]}: {len(seen)} rows show a {group} entity {IN_WORDS[direction]}; expected "
                    "none, or its reverse subtask does not measure reversal; remove these rows"
                )
            if direction in needed and unseen:
                found.problems.append(
                    f"{stem}.jsonl: no row shows '{unseen[0]}' ({len(unseen)} such {group} entities) "
                    f"{IN_WORDS[direction]}; expected rows for everybody; add them"
                )
    if shown.unclear:
        found.warnings.append(
            f"{stem}.jsonl:{shown.unclear[0]}: {len(shown.unclear)} rows do not hold both a known name and its "
            "description; their direction is not checked; look at them"
        )
