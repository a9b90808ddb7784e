"""Predictions as the JSON of their file, whatever a test makes of it."""

from collections.abc import Iterable
from typing import Any

from reversal_cli.files.reading import read_records
from reversal_cli.files.writing import json_lines, write_text
from reversal_cli.runs.directory import RunDirectory


def raw_predictions(run: RunDirectory, subtask: str) -> list[dict[str, Any]]:
    return read_records(run.predictions_path(subtask), "")


def write_raw_predictions(run: RunDirectory, subtask: str, records: Iterable[dict[str, Any]]) -> None:
    write_text(run.predictions_path(subtask), json_lines(records))


def raw_prediction(name: str, **more: Any) -> dict[str, Any]:
    """With what every line has."""
    texts = {"entity_id": "e", "prompt": "p", "target": "t", "completion": " c"}
    return {"id": name, **texts, "stopped": True, "scores": {}, **more}
