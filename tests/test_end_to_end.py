"""The bare commands in their order, on a benchmark of a few people, with nothing replaced."""

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from reversal_cli.cli import main
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.scoring import METRICS

STEPS = 1
"""Steps per epoch of 2 x 2 + 2 x 2 + 2 x 4 rows with the preset's batch size."""
SUBTASKS = ["N2D", "D2N", "N2D-reverse", "D2N-reverse"]


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["--entities", "2", "--train-templates", "2", "--test-templates", "2"]
    assert main(["generate", *small, "--quiet"]) == 0
    return tmp_path


def test_finetune_eval_report_end_in_a_table(dataset, capsys):
    fast = ["--epochs", "1", "--device", "cpu", "--quiet"]
    assert main(["finetune", "--objective", "bico", *fast]) == 0
    run = Path("results/tiny-llama-bico/seed-0")
    weights = run / "model/model.safetensors"
    assert weights.is_file() and not (run / "metrics.json").exists()
    training = json.loads((run / "manifest.json").read_text())["training"]
    assert training["weights"] == {"model/model.safetensors": hashlib.sha256(weights.read_bytes()).hexdigest()}
    assert training["threads"] >= 1 and training["instructions"]
    assert main(["eval", "--quiet"]) == 0
    metrics = json.loads((run / "metrics.json").read_text())["subtasks"]
    assert set(metrics) == set(SUBTASKS)
    assert all(metrics[name]["n"] == 4 and metrics[name]["entities"] == 2 for name in SUBTASKS)
    capsys.readouterr()

    assert main(["report", "--out", "results"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in SUBTASKS) and "bico" in printed
    arithmetic = json.loads((run / "manifest.json").read_text())["evaluation"]
    assert (arithmetic["dtype"], arithmetic["device"]) == (training["dtype"], "cpu")
    assert f"Trained in {training['dtype']}, cpu, {training['instructions']}" in " ".join(printed.split())
    rows = pd.read_csv("results/accuracy.csv")
    assert set(METRICS) <= set(rows["metric"])
    assert "N2D-reverse" in Path("results/accuracy.md").read_text()


def test_run_does_all_stages_once_and_skips_them_the_second_time(dataset, capsys):
    Path("small.toml").write_text('[grid]\nobjective.name = ["ntp", "bico"]\n[training]\nepochs = 1\ndevice = "cpu"\n')
    assert main(["run", "small.toml"]) == 0
    first = capsys.readouterr()
    files = sorted(Path("results").rglob("*.safetensors"))
    stamps = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 2
    assert main(["run", "small.toml"]) == 0
    second = capsys.readouterr()
    assert [path.stat().st_mtime_ns for path in files] == stamps
    assert "already complete" in second.err and "finetune tiny-llama" not in second.err
    assert first.out == second.out


def test_a_curve_of_validation_prompts_grows_with_the_training(dataset, capsys):
    command = ["finetune", "--objective", "bico", "--epochs", "3", "--eval-every", "2", "--device", "cpu"]
    assert main([*command, "--set", "evaluation.max_new_tokens=3"]) == 0
    run = RunDirectory(Path("results/tiny-llama-bico/seed-0"))
    curve = run.read_curve()
    assert [(record.epoch, record.step) for record in curve] == [(2, 2 * STEPS), (3, 3 * STEPS)]
    for record in curve:
        assert set(record.subtasks) == set(SUBTASKS)
        assert all((part.n, part.entities) == (10, 2) for part in record.subtasks.values())
    printed = capsys.readouterr().err
    assert "finetune tiny-llama bico: epoch 2: N2D 0.0, D2N 0.0, " in printed and "epoch 3: N2D" in printed
    assert not run.metrics_path.exists() and not (run.path / "predictions").exists()


def test_a_requirement_that_is_not_met_exits_with_one_and_names_it(dataset, capsys):
    assert main(["finetune", "--epochs", "1", "--device", "cpu", "--quiet"]) == 0
    assert main(["eval", "--quiet"]) == 0
    assert main(["report", "--quiet", "--require", "ntp: N2D-reverse <= 3"]) == 0
    capsys.readouterr()
    assert main(["report", "--quiet", "--require", "ntp: N2D-reverse >= 60"]) == 1
    assert "N2D-reverse >= 60" in capsys.readouterr().err


def test_a_bare_checkpoint_is_the_untrained_baseline_row(dataset, capsys):
    assert main(["eval", "--model", "tiny-llama", "--device", "cpu", "--quiet"]) == 0
    assert main(["report", "--format", "json", "--quiet"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["objective"] for row in rows} == {"none"}
    assert {row["value"] for row in rows if row["metric"] == "contains" and row["row"] == "run"} == {0.0}


def test_a_checkpoint_that_cannot_be_reached_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("reversal_cli.models.checkpoint.find_files", lambda spec, names: {})
    assert main(["eval", "--model", "org/none", "--quiet"]) == 2
    assert "model 'org/none': cannot be loaded" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_predictions_say_everything_that_is_needed_to_score_them_again(dataset):
    assert main(["eval", "--model", "tiny-llama", "--device", "cpu", "--quiet"]) == 0
    path = next(Path("results").rglob("predictions/N2D-reverse.jsonl"))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["id"] for record in records] == [f"N2D-reverse/{index}" for index in range(4)]
    assert {"entity_id", "template_id", "prompt", "target", "completion", "stopped", "scores"} <= records[0].keys()


def test_a_checkpoint_that_changed_after_the_training_is_refused_at_evaluation(dataset, llama_checkpoint, capsys):
    shutil.copytree(llama_checkpoint, "base")
    assert main(["finetune", "--model", "base", "--name", "x", "--epochs", "1", "--device", "cpu", "--quiet"]) == 0
    config = Path("base/generation_config.json")
    config.write_text(config.read_text() + "\n")
    capsys.readouterr()
    assert main(["eval", "results/x/seed-0", "--quiet"]) == 2
    assert "the checkpoint 'base' has changed since the run began (sha256)" in capsys.readouterr().err
    assert not Path("results/x/seed-0/metrics.json").exists()
