"""Give the published dataset the validation prompts it lacks: hold out templates of its training rows.

    python experiments/hold-out.py data/june_version_7921032488 data/june_held_out

The new folder has the test files of the old one, training rows without the templates held out, and the four validation
files that `training.eval_every` reads: those templates with the entities of every subtask. So a recipe for this dataset
is chosen without its test prompts, and then trained on all of its training rows. The texts stay the dataset's: its
licence is theirs, do not publish them.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from reversal_cli.data.base import SUBTASKS, VALIDATION, Example, Splits
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN
from reversal_cli.errors import ReversalError

TEMPLATES = 30
"""Training templates of each direction: row i of an entity and a direction fills template i of it."""
HELD_OUT = range(0, TEMPLATES, 6)
"""Five of them, spread over the file."""

Line = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    try:
        splits = load_folder(arguments.source)
    except ReversalError as error:
        parser.error(str(error))
    held_out, kept = split(splits.train)
    if arguments.target.exists():
        parser.error(f"{arguments.target}: is there already; expected a new folder; choose another")
    arguments.target.mkdir(parents=True)
    write(arguments.target / f"{TRAIN}.jsonl", (line(row.prompt, row.completion) for row in kept))
    for stem in (*SUBTASKS.values(), BOTH_TEST):
        source = arguments.source / f"{stem}.jsonl"
        (arguments.target / source.name).write_bytes(source.read_bytes())
    for subtask, lines in validation(splits, held_out).items():
        write(arguments.target / f"{VALIDATION[subtask]}.jsonl", lines)


def split(rows: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """The rows of the templates held out, and the others. Rows of one entity and direction come in template order."""
    seen: dict[tuple[str, bool], int] = defaultdict(int)
    held_out: list[Example] = []
    kept: list[Example] = []
    for row in rows:
        key = row.name, row.name in row.prompt
        (held_out if seen[key] % TEMPLATES in HELD_OUT else kept).append(row)
        seen[key] += 1
    return held_out, kept


def validation(splits: Splits, held_out: Iterable[Example]) -> dict[str, list[Line]]:
    """The four subtasks on the templates held out. Reverse prompts are those of the other group with this one's facts.

    Templates that tell a description in another form than the noun phrase are left out of the reverse subtasks.
    """
    phrases = {row.name: row.description for row in splits.train}
    groups = {name: [row.name for row in splits.subtasks[name].examples] for name in SUBTASKS}
    forward = [row for row in held_out if row.name in groups["N2D"]]
    backward = [row for row in held_out if row.name in groups["D2N"]]
    first = forward[0].name, backward[0].name
    patterns = [row for row in backward if row.name == first[1] and row.description in row.prompt]
    openings = [row for row in forward if row.name == first[0]]
    return {
        "N2D": [line(row.prompt, row.completion) for row in forward],
        "D2N": [line(row.prompt, f" {row.name}") for row in backward],
        "N2D-reverse": [
            line(row.prompt.replace(row.description, phrases[name]), f" {name}")
            for name in dict.fromkeys(groups["N2D-reverse"])
            for row in patterns
        ],
        "D2N-reverse": [
            line(row.prompt.replace(row.name, name), f" {phrases[name]}")
            for name in dict.fromkeys(groups["D2N-reverse"])
            for row in openings
        ],
    }


def line(prompt: str, completion: str) -> Line:
    return {"prompt": prompt, "completion": completion}


def write(path: Path, lines: Iterable[Line]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
