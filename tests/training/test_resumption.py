"""Interrupted trainings: whatever became of their checkpoints, they end with the weights of an undisturbed one."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from test_training import BICO, SPLITS, run_training, spec_for, weights

from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import LogRecord, TrainingFacts
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.finetune import train
from reversal_cli.training.resumption import COMPLETE, fault, find_checkpoint, remove, seal

FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", COMPLETE)
DAMAGES = {
    "missing": lambda content: None,
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "flipped": lambda content: (
        content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]
    ),
}


def spec_of(checkpoint: str, tuning: str, **training) -> ExperimentSpec:
    """Six steps, two an epoch; dropout makes the weights depend on the random state."""
    return spec_for(checkpoint, BICO, tuning=tuning, batch_size=3, lora={"dropout": 0.3}, **training)


def interrupt_at(last: int):
    def on_step(step: int, total: int, loss: float) -> None:
        if step == last:
            raise KeyboardInterrupt

    return on_step


def damage(path: Path, kind: str) -> None:
    content = DAMAGES[kind](path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def continue_training(spec: ExperimentSpec, folder: Path) -> tuple[RunDirectory, TrainingFacts, list[str], list[int]]:
    """The finished run, its section of the manifest, what was said, and the steps that were taken."""
    said: list[str] = []
    steps: list[int] = []
    run = RunDirectory(folder)
    section = train(spec, SPLITS, run, lambda step, total, loss: steps.append(step), said.append).facts
    return run, section, said, steps


@pytest.fixture(scope="module", params=["lora", "full"])
def interrupted(request, llama_checkpoint, tmp_path_factory):
    """A spec, the weights of an undisturbed training, and the folder of one cut in step 5, after two checkpoints."""
    spec = spec_of(llama_checkpoint, request.param)
    whole, _ = run_training(spec, tmp_path_factory.mktemp("whole"))
    cut = tmp_path_factory.mktemp("cut")
    with pytest.raises(KeyboardInterrupt):
        run_training(spec, cut, interrupt_at(5))
    return spec, weights(whole), cut


def assert_same_weights(run: RunDirectory, expected: dict[str, torch.Tensor]) -> None:
    found = weights(run)
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", ["weights", *FILES])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_in_one_line(interrupted, tmp_path, name, kind):
    spec, expected, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "checkpoint-4"
    if name == "weights":
        name = next(last.glob("*.safetensors")).name
    damage(last / name, kind)
    run, section, said, steps = continue_training(spec, tmp_path / "run")
    assert_same_weights(run, expected)
    assert steps == [3, 4, 5, 6] and section.resumed
    assert len(said) == 1 and said[0].startswith("checkpoints/checkpoint-4: incomplete (")
    # A list with another hash cannot be told from a file with another content: the file is named.
    assert name in said[0] or (name, kind) == (COMPLETE, "flipped")
    assert said[0].endswith("), continues from checkpoint-2")


@pytest.mark.parametrize("kind", DAMAGES)
def test_without_a_whole_checkpoint_training_starts_anew(interrupted, tmp_path, kind):
    spec, expected, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").iterdir():
        damage(checkpoint / "optimizer.pt", kind)
    run, section, said, steps = continue_training(spec, tmp_path / "run")
    assert_same_weights(run, expected)
    assert steps == [1, 2, 3, 4, 5, 6] and not section.resumed
    assert len(said) == 1 and said[0].endswith(", starts anew") and said[0].count("optimizer.pt") == 2


def test_checkpoints_of_an_earlier_version_have_no_list_and_training_starts_anew(interrupted, tmp_path):
    spec, expected, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    for path in (tmp_path / "run").rglob(COMPLETE):
        path.unlink()
    run, _, said, _ = continue_training(spec, tmp_path / "run")
    assert_same_weights(run, expected)
    assert len(said) == 1 and "an earlier version wrote it" in said[0] and said[0].endswith("starts anew")


def test_an_undamaged_checkpoint_is_continued_from(interrupted, tmp_path):
    spec, expected, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    run, _, said, steps = continue_training(spec, tmp_path / "run")
    assert_same_weights(run, expected)
    assert said == ["continues from checkpoint-4"] and steps == [5, 6]
    assert sorted(path.name for path in run.checkpoints_path.iterdir()) == ["checkpoint-4", "checkpoint-6"]


def test_looking_for_a_checkpoint_removes_nothing(interrupted, tmp_path):
    _, _, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    damage(tmp_path / "run" / "checkpoints" / "checkpoint-4" / "scheduler.pt", "empty")
    before = sorted(path for path in tmp_path.rglob("*"))
    found = find_checkpoint(tmp_path / "run" / "checkpoints")
    assert found.step == 2 and sorted(path for path in tmp_path.rglob("*")) == before


def test_log_and_curve_are_cut_to_the_checkpoint_that_is_used(interrupted, tmp_path):
    spec, _, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    for step in (2, 4):
        run.append_log(LogRecord(step=step, seconds=1.0))
    damage(run.checkpoints_path / "checkpoint-4" / "rng_state.pth", "flipped")
    continue_training(spec, run.path)
    steps = [json.loads(line)["step"] for line in run.train_log_path.read_text().splitlines()]
    assert steps == [1, 2]


@pytest.mark.parametrize("stop", [None, 2], ids=["whole-schedule", "stopped-early"])
def test_an_interruption_after_the_last_checkpoint_takes_no_further_step(llama_checkpoint, tmp_path, stop):
    spec = spec_of(llama_checkpoint, "full", stop_after_epochs=stop)
    whole, made = run_training(spec, tmp_path / "run")
    expected = weights(whole)
    shutil.rmtree(whole.model_path)  # the checkpoints stay until the manifest is written
    run, facts, said, steps = continue_training(spec, tmp_path / "run")
    assert_same_weights(run, expected)
    assert steps == [] and said == [f"continues from checkpoint-{made.steps}"]
    timed = {"wall_seconds": 0.0, "resumed": False}
    assert facts.model_copy(update=timed) == made.model_copy(update=timed)


def test_a_list_that_does_not_name_every_file_training_needs_is_no_list(interrupted):
    _, _, cut = interrupted
    last = cut / "checkpoints" / "checkpoint-4"
    listed = json.loads((last / COMPLETE).read_text())
    try:
        (last / COMPLETE).write_text(json.dumps({key: listed[key] for key in listed if key != "optimizer.pt"}))
        assert fault(last) == "complete.json does not list optimizer.pt"
    finally:
        seal(last)
    assert json.loads((last / COMPLETE).read_text()) == listed and fault(last) is None


def test_a_removal_that_is_cut_off_leaves_nothing_that_looks_complete(interrupted, tmp_path, monkeypatch):
    _, _, cut = interrupted
    shutil.copytree(cut, tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "checkpoint-4"
    monkeypatch.setattr("reversal_cli.training.resumption.shutil.rmtree", lambda folder: None)
    remove(last)
    assert fault(last).startswith("complete.json is missing")
