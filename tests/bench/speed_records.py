"""A small experiment, and speeds as `reversal bench` would measure them for it."""

import importlib.metadata
from pathlib import Path

import torch

from reversal_cli.bench.speeds import Speed
from reversal_cli.bench.workload import mean_characters
from reversal_cli.benchmark import preview_dataset
from reversal_cli.models.precision import arithmetic
from reversal_cli.runs.records import Arithmetic
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import load_experiment

EXPERIMENT = """
[dataset.generator]
entities = 3
train_templates = 4
test_templates = 2

[training]
dtype = "float32"
device = "cpu"
epochs = 10

[grid]
"objective.name" = ["ntp", "bico"]
"""


def write_experiment(monkeypatch, folder: Path) -> None:
    """Works in `folder`, which gets x.toml and the cache."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("REVERSAL_CACHE", str(folder / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    Path("x.toml").write_text(EXPERIMENT)


def specs() -> tuple[ExperimentSpec, ...]:
    """untrained, ntp, bico"""
    read = load_experiment(Path("x.toml"))
    return (*read.baselines, *read.specs)


def here(**changes: object) -> Arithmetic:
    """The arithmetic of the experiment on this machine."""
    return arithmetic(torch.float32, torch.device("cpu")).model_copy(update=changes)


def speed(objective: str = "ntp", where: dict[str, object] | None = None, **changes: object) -> Speed:
    """1 row, 2 prompts and 4 candidates per second. where: how its arithmetic differs from that of the experiment."""
    splits = preview_dataset(specs()[0].dataset)
    fields = {
        "model": "tiny-llama",
        "objective": objective,
        "tuning": "full",
        "batch_size": 32,
        "max_new_tokens": 40,
        "torch": importlib.metadata.version("torch"),
        "arithmetic": here(**(where or {})),
        "characters_per_row": mean_characters(splits.train),
        "rows_per_second": 1.0,
        "prompts_per_second": 2.0,
        "candidates_per_second": 4.0,
        "peak_memory_mib": 512.0,
        "busy": False,
    }
    return Speed(**{**fields, **changes})
