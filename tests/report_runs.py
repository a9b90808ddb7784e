"""Made-up finished runs for the tests of the report."""

import itertools
from pathlib import Path
from typing import Any

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.runs.directory import RunDirectory, run_path, write_json
from reversal_cli.scoring import TEXT_SCORES

BICO = {"N2D": 0.35, "D2N": 1.0, "N2D-reverse": 0.75, "D2N-reverse": 0.02}
BEGUN = itertools.count()
"""Each run begins a second after the one before."""


def make_results(folder: Path) -> Path:
    """A baseline, NTP, and BICO with two seeds."""
    make_run(folder, "untrained", "none", {})
    make_run(folder, "ntp", "ntp", {"N2D": 0.36, "D2N": 1.0})
    make_run(folder, "bico", "bico", BICO, seed=0)
    make_run(folder, "bico", "bico", BICO | {"N2D-reverse": 0.65}, seed=1)
    return folder


def make_run(
    results: Path,
    experiment: str,
    objective: str,
    accuracy: dict[str, float],
    seed: int = 0,
    model: str = "tiny-llama",
    data: str = "a",
    epochs: int = 10,
) -> RunDirectory:
    """A finished run: `accuracy` is the mean of `contains`, with an interval of ± 0.1, beside which only the other
    text metrics were measured; `data` names the dataset."""
    run = RunDirectory(run_path(results, experiment, seed))
    sha256 = {f"{stem}.jsonl": data * 64 for stem in SUBTASKS.values()} | {"all_prompts_train.jsonl": "f" * 64}
    write_json(run.manifest_path, manifest(experiment, objective, seed, model, data, epochs))
    subtasks = {name: measured(name, accuracy.get(name, 0.0)) for name in SUBTASKS}
    write_json(run.metrics_path, {"complete": True, "dataset": sha256, "subtasks": subtasks})
    return run


def manifest(experiment: str, objective: str, seed: int, model: str, data: str, epochs: int) -> dict[str, Any]:
    spec = {
        "name": experiment,
        "seed": seed,
        "dataset": {"path": f"results/data/{data}", "generator": None},
        "model": {"name": model, "revision": None, "init": "pretrained"},
        "objective": {"name": objective},
        "training": {
            "tuning": "full",
            "epochs": epochs,
            "stop_after_epochs": None,
            "batch_size": 32,
            "learning_rate": 1e-3,
            "device": "auto",
        },
        "evaluation": {"batch_size": 64, "max_new_tokens": 40},
    }
    return {
        "spec": spec,
        "digest": f"{experiment}-{seed}-{epochs}-{data}",
        "dataset": {"path": f"results/data/{data}"},
        "provenance": {"started": f"2026-01-01T00:00:00Z+{next(BEGUN):05}"},
    }


def measured(subtask: str, mean: float) -> dict[str, Any]:
    values = {name: 0.2 for name in TEXT_SCORES} | {"contains": mean}
    metrics = {name: {"mean": v, "low": max(0.0, v - 0.1), "high": min(1.0, v + 0.1)} for name, v in values.items()}
    sizes = {"n": 300, "entities": 30, "templates": 10, "intervals": "entities-and-templates"}
    return {**sizes, "target": TARGETS[subtask], "metrics": metrics}
