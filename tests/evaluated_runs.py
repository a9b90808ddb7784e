"""Made-up evaluated runs, with predictions, for the tests of comparisons."""

import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

from raw_records import raw_predictions, write_raw_predictions
from report_runs import manifest

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.files.reading import read_json
from reversal_cli.runs.directory import RunDirectory, run_path, write_json

ENTITIES = 8
ROWS = 3
"""Of each entity."""
NTP = {"N2D": [3, 2, 3, 1, 0, 2, 3, 3], "D2N": [3] * 8, "N2D-reverse": [0, 1]}
BICO = {"N2D": [2, 3, 2, 1, 1, 2, 3, 2], "D2N": [3] * 8, "N2D-reverse": [3, 2, 3, 3, 2, 1, 3, 2]}
A, B = "results/ntp/seed-0", "results/bico/seed-0"
"""The folders of `make_two_runs`."""


def make_two_runs() -> tuple[RunDirectory, RunDirectory]:
    """NTP and, better on N2D-reverse and equal on D2N and D2N-reverse, BICO; in the working directory."""
    results = Path("results")
    return make_evaluated_run(results, "ntp", NTP), make_evaluated_run(results, "bico", BICO, objective="bico")


def make_evaluated_run(
    results: Path,
    experiment: str,
    successes: Mapping[str, Sequence[int]],
    objective: str = "ntp",
    seed: int = 0,
    data: str = "a",
) -> RunDirectory:
    """A finished run. `successes`: subtask -> rows right of each entity in turn, 0 to 3; none where left out."""
    run = RunDirectory(run_path(results, experiment, seed))
    write_json(run.manifest_path, manifest(experiment, objective, seed, "tiny-llama", data, 10))
    for subtask in SUBTASKS:
        right = [*successes.get(subtask, ()), *[0] * ENTITIES][:ENTITIES]
        records = [
            prediction(subtask, entity, row, row < right[entity]) for entity in range(ENTITIES) for row in range(ROWS)
        ]
        write_raw_predictions(run, subtask, records)
    write_metrics(run, data)
    return run


def prediction(subtask: str, entity: int, row: int, right: bool) -> dict:
    return {
        "id": f"{subtask}/{entity * ROWS + row}",
        "entity_id": f"entity-{entity}",
        "template_id": f"template-{row}",
        "prompt": f"prompt {row} about {entity}",
        "target": f"target {entity}",
        "completion": f" target {entity}." if right else " something else.",
        "stopped": True,
        "scores": {"contains": float(right), "chrf": 0.9 if right else 0.1 + 0.01 * row},
    }


def write_metrics(run: RunDirectory, data: str = "a", **more: object) -> None:
    """metrics.json as the predictions on disk have it."""
    subtasks = {}
    for subtask in SUBTASKS:
        records = run.read_predictions(subtask)
        names = {name for record in records for name in record.scores}
        means = {name: sum(record.scores.get(name, 0) for record in records) / len(records) for name in names}
        subtasks[subtask] = {
            "n": len(records),
            "entities": ENTITIES,
            "target": TARGETS[subtask],
            "metrics": {name: {"mean": mean, "low": 0.0, "high": 1.0} for name, mean in means.items()},
        }
    sha256 = {f"{stem}.jsonl": data * 64 for stem in SUBTASKS.values()} | {"all_prompts_train.jsonl": "f" * 64}
    write_json(run.metrics_path, {"complete": True, "dataset": sha256, "subtasks": subtasks, **more})


def change_json(path: Path, change) -> None:
    content = read_json(path)
    change(content)
    write_json(path, content)


def change_predictions(run: RunDirectory, subtask: str, change) -> None:
    records = raw_predictions(run, subtask)
    change(records)
    write_raw_predictions(run, subtask, records)


def pack_predictions(run: RunDirectory) -> None:
    """Packs the predictions of each subtask as `xz` does."""
    for path in list(run.all_predictions_path.glob("*.jsonl")):
        path.with_name(f"{path.name}.xz").write_bytes(lzma.compress(path.read_bytes()))
        path.unlink()
