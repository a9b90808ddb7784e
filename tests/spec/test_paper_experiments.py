"""The paper's experiment files run as they stand, with the checkpoint replaced by a small random one."""

import json
from pathlib import Path

import pytest

from reversal_cli.cli import main

PAPER = sorted((Path(__file__).parents[2] / "experiments" / "paper").glob("*.toml"))


@pytest.mark.parametrize("file", PAPER, ids=lambda file: file.stem)
def test_a_paper_experiment_runs_all_stages_on_a_small_checkpoint(file, request, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--entities", "2", "--train-templates", "2", "--test-templates", "1"]
    assert main(["generate", "--out", "data", *small, "--quiet"]) == 0
    settings = {
        "model.name": request.getfixturevalue("glm_checkpoint" if file.stem.startswith("glm") else "llama_checkpoint"),
        "dataset.path": "data",
        "training.dtype": "float32",  # float16 needs a GPU
        "evaluation.max_new_tokens": "4",
        "evaluation.controls": "false",  # a fact before the prompt is too long for the small checkpoints
    }
    arguments = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    assert main(["run", str(file), *arguments, "--device", "cpu", "--quiet"]) == 0

    run = Path("results") / file.stem / "seed-0"
    manifest = json.loads((run / "manifest.json").read_text())
    training = manifest["spec"]["training"]
    assert (training["tuning"], training["lora"]["r"], training["learning_rate"]) == ("lora", 32, 2e-5)
    assert manifest["training"]["epochs"] == 10.0 and training["epochs"] == 20
    assert (run / "adapter" / "adapter_model.safetensors").is_file()
    assert set(json.loads((run / "metrics.json").read_text())["subtasks"]) == {
        "N2D",
        "D2N",
        "N2D-reverse",
        "D2N-reverse",
    }
