"""Stand-ins for training and generation, so that the pipeline is tested in milliseconds and with known numbers."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from reversal_cli.data.base import Splits
from reversal_cli.data.name_description import Options, generate
from reversal_cli.files.folders import save_folder
from reversal_cli.inference.answers import Completion, Measured
from reversal_cli.models.base import Loaded
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Ranking, TrainingFacts
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.finetune import Trained

FACTS = TrainingFacts(
    steps=3,
    epochs=1.0,
    tokens=30,
    wall_seconds=1.5,
    resumed=False,
    total_parameters=9,
    trainable_parameters=7,
)


def save_weights(folder: Path) -> None:
    folder.mkdir()
    (folder / "model.safetensors").write_text("")


class FakeStages:
    """Counts what was really done. Its model answers every prompt with the target."""

    def __init__(self, dataset: Path):
        lines = [line for path in dataset.glob("*_prompts_test.jsonl") for line in path.read_text().splitlines()]
        self.targets = {row["prompt"]: row["completion"] for row in map(json.loads, lines)}
        self.trained: list[ExperimentSpec] = []
        self.loaded: list[ExperimentSpec] = []
        self.prompts = 0
        self.interrupt_training_at: int | None = None
        self.interrupt_generation_at: int | None = None
        self.fail_training_with: Exception | None = None
        """Before its first step."""
        self.fail_loading_with: Exception | None = None

    def train(
        self, spec: ExperimentSpec, splits: Splits, run: RunDirectory, on_step: Any, say: Any, begin: Any, warn: Any
    ) -> Trained:
        if self.fail_training_with:
            raise self.fail_training_with
        begin(len(splits.train))
        for step in range(1, 4):
            on_step(step, 3, loss=1.0 / step)
            (run.checkpoints_path / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
            if step == self.interrupt_training_at:
                raise KeyboardInterrupt
        save_folder(run.model_path, save_weights)
        run.remove_checkpoints()
        self.trained.append(spec)
        return Trained(FACTS, {"name": spec.model.name})

    def load_for_evaluation(self, spec: ExperimentSpec, run: RunDirectory) -> Loaded:
        self.loaded.append(spec)
        if self.fail_loading_with:
            raise self.fail_loading_with
        dtype = getattr(torch, spec.evaluation.dtype or "float32")
        network = SimpleNamespace(dtype=dtype, device=torch.device("cpu"))
        return Loaded(model=network, tokenizer=None, identity={"name": spec.model.name}, tokens=None)

    def complete_prompts(
        self, loaded: Any, objective: Any, prompts: Sequence[str], max_new_tokens: int, batch_size: int
    ) -> Iterator[list[Completion]]:
        for index, prompt in enumerate(prompts):
            if self.prompts == self.interrupt_generation_at:
                raise KeyboardInterrupt
            self.prompts += 1
            yield [Completion(index, self.target(prompt), True)]

    def target(self, prompt: str) -> str:
        """Of the test prompt that `prompt` is, or ends with when it is asked in context."""
        return next(target for asked, target in self.targets.items() if prompt.endswith(asked))

    def measure_examples(
        self, loaded: Any, objective: Any, splits: Any, subtask: str, rows: Sequence[int], seed: int, batch_size: int
    ) -> Iterator[list[Measured]]:
        ranking = Ranking(rank=1, rank_normalized=1, candidates=4, log_probability=-1.0, tokens=2)
        for row in rows:
            yield [Measured(row, ranking, None)]


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> FakeStages:
    """Works in `folder`, which gets a small dataset `data`, with the fakes in place of the slow functions."""
    monkeypatch.chdir(folder)
    generate(Options(entities=2, train_templates=2, test_templates=1), Path("data"))
    fakes = FakeStages(Path("data"))
    monkeypatch.setattr("reversal_cli.training.finetune.train", fakes.train)
    monkeypatch.setattr("reversal_cli.models.loading.load_for_evaluation", fakes.load_for_evaluation)
    monkeypatch.setattr("reversal_cli.inference.complete.complete_prompts", fakes.complete_prompts)
    monkeypatch.setattr("reversal_cli.evaluation.ranking.measure_examples", fakes.measure_examples)
    return fakes
