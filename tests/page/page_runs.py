"""Runs with made-up predictions, and their page, for the tests of the report's page."""

import random
from pathlib import Path
from typing import Any

from raw_records import write_raw_predictions
from report_runs import make_run

from reversal_cli.report import accuracy_tables, load_results
from reversal_cli.report.page import build_page
from reversal_cli.report.page.predictions import collect_predictions
from reversal_cli.runs.directory import RunDirectory

SUBTASKS = ("N2D", "N2D-reverse")
HOSTILE = (
    " </script><img src=x onerror=alert(1)>",
    " abc \u202edesrever",
    " nul\u0000 \u200b <!-- & $style \u2028",
    " \U0001f600" + "W" * 5000,
)
PLOT = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><title>{title}</title>
<style>*{{fill: red}}</style><path id="shape" d="M0 0L9 9"/></svg>"""


def prediction(subtask: str, number: int, draw: random.Random) -> dict[str, Any]:
    """Ten prompts per person; right, named entity and rank by chance."""
    person = number // 10
    name, description = f"Ann Number{person}", f"the keeper of lighthouse {person}"
    prompt, target = (name, description) if subtask == "N2D" else (description, name)
    right = float(draw.random() < 0.5)
    other = draw.randrange(3)
    return {
        "id": f"{subtask}/{number}",
        "entity_id": f"name-first-{person:04}",
        "template_id": "t",
        "prompt": f"{prompt}, {number % 10} is",
        "target": target,
        "completion": f" {target}." if right else f" somebody else, {draw.randrange(1000)}.",
        "stopped": draw.random() < 0.5,
        "scores": {"contains": right, "chrf": draw.random(), "wrong_entity": float(other == 0)},
        "named_entity": "name-first-0000" if other == 0 else None,
        "ranking": ranking(draw.randrange(1, 60)),
    }


def ranking(rank: int) -> dict[str, Any]:
    return {"rank": rank, "rank_normalized": rank, "candidates": 60, "log_probability": -9.5, "tokens": 4}


def add_predictions(run: RunDirectory, per_subtask: int, seed: int = 0) -> list[dict[str, Any]]:
    """Writes and returns them, in the order of the page."""
    draw = random.Random(seed)
    records = {subtask: [prediction(subtask, number, draw) for number in range(per_subtask)] for subtask in SUBTASKS}
    for subtask, of_subtask in records.items():
        write_raw_predictions(run, subtask, of_subtask)
    return [record for of_subtask in records.values() for record in of_subtask]


def page_of(results: Path, runs: list[RunDirectory], **parts: Any) -> Path:
    """The page of the runs, on disk: browsers treat a file differently from a server."""
    path = results / "report.html"
    frame, notes, *_ = load_results([results])
    page = build_page(accuracy_tables(frame), collect_predictions(runs), **{"notes": notes} | parts)
    path.write_text(page, encoding="utf-8")
    return path


def two_runs(results: Path, per_subtask: int) -> tuple[list[RunDirectory], list[list[dict[str, Any]]]]:
    runs = [make_run(results, name, "bico", {"N2D": mean}) for name, mean in (("first", 0.5), ("second", 0.25))]
    return runs, [add_predictions(run, per_subtask, seed) for seed, run in enumerate(runs)]
