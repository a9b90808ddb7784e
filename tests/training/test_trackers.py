"""The log of a training in TensorBoard or Weights & Biases."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.training.trackers import _wandb_run, refuse_missing_tracker, reporting

TRACKERS = ("tensorboard", "wandb")


def spec_of(tracker: str) -> ExperimentSpec:
    return ExperimentSpec(name="x", training=TrainingSpec(report_to=tracker))


@pytest.fixture
def finetune(monkeypatch, tmp_path, llama_checkpoint):
    """Fine-tunes a small model on a small dataset into results/NAME."""
    monkeypatch.chdir(tmp_path)
    main(["generate", "--entities", "2", "--train-templates", "2", "--test-templates", "1", "--out", "data", "-q"])
    arguments = ["--data", "data", "--model", llama_checkpoint, "--full", "--epochs", "2", "--device", "cpu", "-q"]

    def run(name: str, *flags: str) -> RunDirectory:
        assert main(["finetune", *arguments, "--name", name, *flags]) == 0
        return RunDirectory(Path("results") / name / "seed-0")

    return run


@pytest.mark.parametrize("tracker", TRACKERS)
def test_where_a_log_goes_makes_no_other_experiment(tracker):
    assert spec_of(tracker).digest == spec_of("none").digest


@pytest.mark.parametrize(("tracker", "module"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")])
def test_a_missing_package_is_one_line_before_anything_is_trained(tracker, module, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.chdir(tmp_path)
    assert main(["finetune", "--report-to", tracker]) == 2
    err = capsys.readouterr().err
    assert f"training.report_to: {tracker} cannot be imported" in err
    assert f"pip install 'reversal[{tracker}]'" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_reported_by_default(tmp_path):
    refuse_missing_tracker([spec_of("none")])
    with reporting(spec_of("none"), RunDirectory(tmp_path), 0) as callbacks:
        assert callbacks == []


def test_tensorboard_gets_the_losses_and_the_weights_stay_the_same(finetune):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, silent = finetune("reported", "--report-to", "tensorboard"), finetune("silent")
    events = EventAccumulator(str(run.tensorboard_path))
    events.Reload()
    (first,) = events.Scalars("train/loss")
    assert first.value == pytest.approx(run.trim_log(99)[0].loss, rel=1e-6)
    assert run.manifest.training.weights == silent.manifest.training.weights
    assert not silent.tensorboard_path.exists()

    run.clear()
    assert not run.tensorboard_path.exists()


def test_wandb_gets_a_run_with_our_name(finetune, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = finetune("reported", "--report-to", "wandb")
    assert list(run.wandb_path.glob("offline-run-*/*.wandb"))
    assert wandb.run is None


def test_a_wandb_without_a_login_is_one_line(monkeypatch, tmp_path):
    class Error(Exception):
        pass

    def init(**_):
        raise Error("No API key configured.\nUse `wandb login` to log in.")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Error=Error, init=init))
    with pytest.raises(ReversalError) as error:
        _wandb_run(spec_of("wandb"), RunDirectory(tmp_path))
    assert str(error.value) == (
        "training.report_to: wandb cannot begin a run (No API key configured. Use `wandb login` to log in.); "
        "expected a login; run `wandb login`, or set WANDB_MODE=offline"
    )
