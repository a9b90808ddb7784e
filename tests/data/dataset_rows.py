"""Reading and writing dataset files in tests, without the code under test."""

import json
from pathlib import Path

from reversal_cli.data.base import Subtask
from reversal_cli.data.name_description import Options

SMALL = Options(entities=3, train_templates=4, test_templates=2)


def read_rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def entity_count(subtask: Subtask) -> int:
    """How many entities its prompts are about."""
    return len({example.entity_id for example in subtask.examples})
