"""SIGTERM and Ctrl-C: a training saves first, whatever else is under way ends, and the same command continues."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch
from fake_stages import install
from test_training import BICO, run_training, spec_for, weights

from reversal_cli.cli import main
from reversal_cli.data.name_description import Options, generate
from reversal_cli.interruption import Interruption
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.training.resumption import find_checkpoint

FINETUNE = ["finetune", "--data", "data", "--name", "x", "--quiet"]
NEVER = 120.0
"""Seconds after which a test gives up."""


def log(run: RunDirectory) -> list[dict]:
    records = [json.loads(line) for line in run.train_log_path.read_text().splitlines()]
    return [record | {"seconds": 0} for record in records]


def sends(*numbers: int, at: int):
    """Sends signals to this process at a step, after the step was taken and before it is over."""

    def on_step(step, total, loss):
        if step == at:
            for number in numbers:
                signal.raise_signal(number)

    return on_step


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_training_saves_after_the_step_and_continues_from_there(llama_checkpoint, tmp_path, tuning, number, code):
    spec = spec_for(llama_checkpoint, BICO, epochs=4, tuning=tuning, lora={"dropout": 0.3})
    whole, facts = run_training(spec, tmp_path / "whole")
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interruption) as caught:
        run_training(spec, tmp_path / "cut", sends(number, at=4))
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    last = tmp_path / "cut" / "checkpoints" / "checkpoint-5"
    assert caught.value.exit_code == code
    assert str(caught.value) == (
        f"interrupted; saved {last}, run the same command again to continue; with --overwrite a training begins anew"
    )
    steps: list[int] = []
    cut, continued = run_training(spec, tmp_path / "cut", lambda step, total, loss: steps.append(step))
    assert steps == list(range(6, 13)) and continued.flops == facts.flops
    assert log(cut) == log(whole)
    assert all(torch.equal(tensor, weights(cut)[name]) for name, tensor in weights(whole).items())


def test_a_signal_in_the_last_step_ends_the_command_before_the_weights_are_written(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="full")
    with pytest.raises(Interruption, match=r"saved .*/checkpoint-9, run"):
        run_training(spec, tmp_path / "run", sends(signal.SIGTERM, at=9))
    assert not (tmp_path / "run" / "model").exists()
    run, facts = run_training(spec, tmp_path / "run")
    assert facts.steps == 9 and run.model_path.is_dir()


def test_a_second_ctrl_c_stops_at_once_and_a_second_sigterm_does_not(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="full")
    with pytest.raises(Interruption, match="interrupted; what was finished is kept, run"):
        run_training(spec, tmp_path / "twice", sends(signal.SIGTERM, signal.SIGINT, at=5))
    assert find_checkpoint(tmp_path / "twice" / "checkpoints").step == 3  # the end of the first epoch
    with pytest.raises(Interruption, match=r"saved .*/checkpoint-6, run"):
        run_training(spec, tmp_path / "other", sends(signal.SIGTERM, signal.SIGTERM, at=5))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("command", ["finetune", "eval"])
def test_every_command_ends_with_the_code_of_the_signal_and_one_line(
    monkeypatch, tmp_path, capsys, command, number, code
):
    stages = install(monkeypatch, tmp_path)
    if command == "eval":
        assert main(FINETUNE) == 0
        monkeypatch.setattr(stages, "target", lambda prompt: signal.raise_signal(number))
    else:
        monkeypatch.setattr("reversal_cli.training.finetune.train", lambda *_: signal.raise_signal(number))
    capsys.readouterr()
    assert main(FINETUNE if command == "finetune" else ["eval", "--quiet"]) == code
    assert capsys.readouterr().err.splitlines() == [
        "interrupted; what was finished is kept, run the same command again to continue; with --overwrite a training "
        "begins anew"
    ]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_sigterm_lets_every_worker_save_its_training(monkeypatch, tmp_path, capsys, llama_checkpoint):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    generate(Options(entities=30, train_templates=10, test_templates=1), Path("data"))
    Path("x.toml").write_text(
        f'baseline = false\ndataset.path = "data"\nmodel.name = "{llama_checkpoint}"\n[grid]\nseed = [0, 1]\n'
        '[training]\nepochs = 9\nbatch_size = 1\ndevice = "cpu"\ndtype = "float32"\n'
    )
    runs = [RunDirectory(Path("results/x", f"seed-{seed}")) for seed in (0, 1)]

    def interrupt() -> None:
        until = time.monotonic() + NEVER
        while time.monotonic() < until and not all(run.train_log_path.is_file() for run in runs):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert main(["run", "x.toml", "--quiet", "--workers", "2"]) == 143
    thread.join()
    assert capsys.readouterr().err.splitlines()[-1].startswith("interrupted; what was finished is kept")
    for run in runs:
        found = find_checkpoint(run.checkpoints_path)
        assert found.checkpoint and found.faults == () and 0 < found.step < 900  # an epoch has 900 steps
