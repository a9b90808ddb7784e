"""`reversal bench` as a user meets it."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from reversal_cli.bench import cases, ceiling, eval_speed, peer_evaluation, peers
from reversal_cli.bench.speeds import read_speeds, speeds_path
from reversal_cli.bench.train_speed import PARTS, measure_training
from reversal_cli.cli import main
from reversal_cli.commands.bench import keep
from reversal_cli.console import Terminal
from reversal_cli.models.memory import explain_out_of_memory
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.objectives.abi import Abi
from reversal_cli.spec import choices


@pytest.fixture(autouse=True)
def little_work(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REVERSAL_CACHE", str(tmp_path / "cache"))
    for module in (eval_speed, peer_evaluation):
        monkeypatch.setattr(module, "PROMPTS", 1)
        monkeypatch.setattr(module, "QUESTIONS", 1)
    monkeypatch.setattr(ceiling, "CPU_SIZES", (32, 64))


def numbers(content: object) -> list[float]:
    """Every number of a JSON object, wherever it stands."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        return [number for item in content for number in numbers(item)]
    return [content] if isinstance(content, int | float) and not isinstance(content, bool) else []


def test_a_bench_writes_every_number_and_the_machine(llama_checkpoint, capsys):
    arguments = ["--objective", "ntp", "--batch-size", "2", "--device", "cpu", "--steps", "2", "--out", "results"]
    assert main(["bench", "--model", llama_checkpoint, *arguments]) == 0
    out, err = capsys.readouterr()
    assert "rows/s" in out and "optimizer" in out and "ranked candidates/s" in out
    assert "bench 1/1: " in err
    content = json.loads(Path("results/bench.json").read_text())
    assert all(math.isfinite(number) for number in numbers(content))
    (case,) = content["cases"]
    assert (case["objective"], case["batch_size"], case["tuning"]) == ("ntp", 2, "lora")
    training, evaluation = case["training"], case["evaluation"]
    assert training["step_seconds"]["count"] == 2
    assert set(training["parts"]) == set(PARTS)
    assert training["cores"] > 0
    assert 0 <= training["padding"] < 1 and training["peak_memory_mib"] > 0
    for rate in ("rows_per_second", "tokens_per_second", "ceiling_share", "step_gflops"):
        assert training[rate]["median"] > 0
    assert evaluation["prompts"] == 4 and evaluation["candidates"] > 100
    assert evaluation["prompts_per_second"]["median"] > 0 and evaluation["candidates_per_second"]["median"] > 0
    assert content["command"].startswith("reversal bench --model ") and "--out" not in content["command"]
    assert content["hardware"]["cores"] and content["versions"]["torch"] and content["started"].endswith("Z")
    (kept,) = read_speeds()
    assert (kept.model, kept.objective, kept.batch_size) == (llama_checkpoint, "ntp", 2)
    assert kept.rows_per_second == training["rows_per_second"]["median"]
    assert kept.characters_per_row == content["characters_per_row"] > 10
    assert f"kept for the estimates of `reversal run --dry-run`: {speeds_path()}" in err
    text = Path("results/bench.md").read_text()
    assert content["command"] in text and "| case" in text and content["started"] in text

    assert main(["bench", "--out", "results"]) == 2
    assert "results: has a bench.json; expected a folder without one" in capsys.readouterr().err


def test_an_objective_that_a_model_cannot_have_is_left_out_unless_it_was_named(glm_checkpoint, monkeypatch, capsys):
    arguments = ["--model", glm_checkpoint, "--batch-size", "2", "--device", "cpu", "--steps", "2", "--json"]
    with monkeypatch.context() as patched:
        patched.setattr(cases, "OBJECTIVES", {name: OBJECTIVES[name] for name in ("ntp", "fim")})
        for module in (cases, choices):  # as of a checkpoint of the hub
            patched.setattr(module, "known_family", lambda model: None)
        assert main(["bench", *arguments]) == 0
        out, err = capsys.readouterr()
        assert [case["objective"] for case in json.loads(out)["cases"]] == ["ntp"]
        refusal = "is a glm model; objective.sentinels is 'three', and a GLM of 2022 has 2 tokens to lend; choose 'two'"
        assert "left out: " in err and refusal in err
        assert main(["bench", "--objective", "fim", *arguments]) == 2
        assert refusal in capsys.readouterr().err
    assert main(["bench", "--objective", "fim", *arguments]) == 2
    assert f"--objective: 'fim' does not fit {glm_checkpoint}; expected one of (ntp, " in capsys.readouterr().err


def test_what_the_memory_of_a_gpu_does_not_hold_is_left_out_unless_nothing_else_is_left(
    llama_checkpoint, monkeypatch, capsys
):
    def measure(model, job, steps, ceiling):
        with explain_out_of_memory("training: the GPU is out of memory"):
            if job.training.batch_size > 2:
                raise torch.OutOfMemoryError
            return measure_training(model, job, steps, ceiling)

    monkeypatch.setattr("reversal_cli.bench.bench.measure_training", measure)
    arguments = ["--model", llama_checkpoint, "--objective", "ntp", "--device", "cpu", "--steps", "2", "--json"]
    assert main(["bench", "--batch-size", "4", "--batch-size", "2", *arguments]) == 0
    out, err = capsys.readouterr()
    assert [case["batch_size"] for case in json.loads(out)["cases"]] == [2]
    assert "left out: training: the GPU is out of memory" in err
    assert main(["bench", "--batch-size", "4", *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("training: the GPU is out of memory")


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REVERSAL_CACHE", str(tmp_path / "file"))
    keep(SimpleNamespace(speeds=list), Terminal())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: not kept for `reversal run --dry-run`: ") and str(tmp_path / "file") in line


def test_json_is_all_that_a_script_reads(glm_checkpoint, capsys):
    arguments = ["--objective", "bico", "--batch-size", "2", "--device", "cpu", "--steps", "1", "--json", "--quiet"]
    assert main(["bench", "--model", glm_checkpoint, *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [case["objective"] for case in json.loads(out)["cases"]] == ["bico"]


def test_peers_have_a_ratio_each_and_what_is_left_out_has_a_line(llama_checkpoint, glm_checkpoint, monkeypatch, capsys):
    monkeypatch.setattr(peers, "is_installed", lambda module: module == "lm_eval")
    models = ["--model", llama_checkpoint, "--model", glm_checkpoint]
    arguments = ["--objective", "ntp", "--batch-size", "2", "--device", "cpu", "--steps", "1", "--peers", "--json"]
    assert main(["bench", *models, *arguments]) == 0
    out, err = capsys.readouterr()
    results = json.loads(out)["peers"]
    assert [(result["peer"], result["unit"]) for result in results] == [
        ("transformers.Trainer", "training rows"),
        ("generate, batches of 10", "prompts"),
        ("lm-eval", "prompts"),
        ("lm-eval", "ranked candidates"),
    ]
    for result in results:
        assert result["ratio"] == pytest.approx(result["ours"]["median"] / result["theirs"]["median"])
    assert "--peers: trl is not installed and left out; `pip install 'reversal[bench]'` adds it" in err
    assert "ntp, batch 2: left out; other tools train NTP on models that continue a text" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "tiny-lama"], "--model: unknown model 'tiny-lama'; did you mean 'tiny-llama'?"),
        (["--objective", "bicco"], "--objective: unknown objective 'bicco'; did you mean 'bico'?"),
        (
            ["--objective", "none"],
            f"--objective: 'none' trains nothing; expected one of ({', '.join(OBJECTIVES)})",
        ),
        (["--steps", "0"], "'--steps': expected greater than or equal to 1"),
        (["--batch-size", "0"], "'--batch-size': expected greater than or equal to 1"),
        (["--dtype", "int8"], "--dtype: training.dtype is 'int8'; expected 'auto', 'float32', 'bfloat16' or 'float16'"),
        (["--device", "gpu"], "--device: training.device: 'gpu' is not a device"),
        (["--out", __file__], "test_bench_command.py: is a file; expected a folder; choose another --out"),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, expected):
    assert main(["bench", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("error: ") and expected in err


def test_an_objective_that_does_not_fit_the_model_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(Abi, "on", {"glm": "fills blanks"})
    assert main(["bench", "--model", "tiny-llama", "--objective", "abi"]) == 2
    err = capsys.readouterr().err
    others = [name for name, objective in OBJECTIVES.items() if "rotary" in objective.on]
    assert f"--objective: 'abi' does not fit tiny-llama; expected one of ({', '.join(others)})" in err
    assert err.count("\n") == 1
