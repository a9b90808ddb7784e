"""Checkpoints within an epoch: a training continued from any of them is the undisturbed one, in weights, log, curve
and costs."""

import json
from types import SimpleNamespace

import pytest
import torch
from test_curve import SPLITS, spec_for, untimed, weights

from reversal_cli.errors import ReversalError
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.training.finetune import train
from reversal_cli.training.logged_loss import FILE
from reversal_cli.training.resumption import find_checkpoint, seal
from reversal_cli.training.saving import LEAST_RATIO, SaveTimes, StopRequest

BICO = {"name": "bico", "mask_probability": 0.5}
OPTIONS = {"epochs": 7, "batch_size": 1, "save_every_steps": 2, "eval_every": 3, "eval_limit": 2}
"""21 steps, three an epoch, with records of the log at steps 1, 10 and 20 and of the curve at 9, 18 and 21."""
LORA = {"tuning": "lora", "lora": {"r": 4, "dropout": 0.3}}


class Killed(Exception):
    """Ends a training without any of its own farewells, as SIGKILL would."""


def killed_at(last: int | None):
    def on_step(step, total, stage="", **fields):
        if not stage and step == last:
            raise Killed

    return on_step


def fit(spec, folder, last: int | None = None):
    """The run and its facts, of a training that is killed at a step or ends."""
    run = RunDirectory(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return run, train(spec, SPLITS, run, killed_at(last), lambda line: None).facts


def log(run: RunDirectory) -> list[dict]:
    records = [json.loads(line) for line in run.train_log_path.read_text().splitlines()]
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def costs(facts) -> tuple:
    return facts.steps, facts.epochs, facts.rows, facts.tokens, facts.labels, facts.flops


@pytest.mark.parametrize(
    "training", [{**LORA, "dtype": "float32"}, {**LORA, "dtype": "bfloat16"}, {"dtype": "bfloat16"}], ids=str
)
def test_a_training_killed_again_and_again_is_the_undisturbed_one(llama_checkpoint, tmp_path, training):
    spec = spec_for(llama_checkpoint, BICO, **OPTIONS, **training)
    undisturbed, facts = fit(spec, tmp_path / "undisturbed")
    for last in (2, 4, 12, 13, 16, 20):
        with pytest.raises(Killed):
            fit(spec, tmp_path / "killed", last)
    killed, continued = fit(spec, tmp_path / "killed")
    assert continued.resumed and costs(continued) == costs(facts)
    assert log(killed) == log(undisturbed) and [record["step"] for record in log(killed)] == [1, 10, 20]
    assert untimed(killed) == untimed(undisturbed) and len(untimed(killed)) == 3
    expected = weights(undisturbed)
    assert [name for name, tensor in weights(killed).items() if not torch.equal(tensor, expected[name])] == []


def test_the_last_two_checkpoints_stay_and_all_of_them_lie_at_the_steps_that_were_asked_for(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, epochs=2, batch_size=1, save_every_steps=2)
    seen = set()

    def on_step(step, total, **fields):
        seen.add(tuple(sorted(int(path.name[11:]) for path in (tmp_path / "checkpoints").glob("checkpoint-*"))))

    train(spec, SPLITS, RunDirectory(tmp_path), on_step, lambda line: None)
    assert seen == {(), (2,), (2, 3), (3, 4)}


def test_a_checkpoint_of_an_earlier_version_is_continued_from_without_its_sum(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, **OPTIONS)
    undisturbed, _ = fit(spec, tmp_path / "undisturbed")
    with pytest.raises(Killed):
        fit(spec, tmp_path / "killed", 15)
    checkpoint = find_checkpoint(tmp_path / "killed" / "checkpoints").checkpoint
    (checkpoint / FILE).unlink()
    seal(checkpoint)
    killed, _ = fit(spec, tmp_path / "killed")
    expected = weights(undisturbed)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(killed).items())
    assert [record["step"] for record in log(killed)] == [1, 10, 20]


def test_a_training_that_diverges_keeps_the_last_good_checkpoint_and_names_it(llama_checkpoint, tmp_path, monkeypatch):
    spec = spec_for(llama_checkpoint, **OPTIONS)

    def spoil(step, total, stage="", **fields):
        if step == 8 and not stage:
            monkeypatch.setattr("reversal_cli.training.trainer.mean_loss", lambda logits, *_: logits.sum() * torch.nan)

    with pytest.raises(ReversalError) as caught:
        train(spec, SPLITS, RunDirectory(tmp_path), spoil, lambda line: None)
    last = tmp_path / "checkpoints" / "checkpoint-8"
    assert str(caught.value).startswith("training: the loss is nan at step 9; expected a number; ")
    assert str(caught.value).endswith(f"; {last} is kept, from before")
    assert find_checkpoint(tmp_path / "checkpoints").checkpoint == last


class Clock:
    """A clock that stands still until it is set, and the flags of Trainer at one step after another."""

    def __init__(self, monkeypatch, training):
        self.now, self.step = 0.0, 0
        monkeypatch.setattr("reversal_cli.training.saving.time", SimpleNamespace(monotonic=lambda: self.now))
        self.request = StopRequest()
        self.times = SaveTimes(training, self.request)
        self.times.on_train_begin(None, None, None)

    def take_step(self, seconds: float, saving: float = 1.0) -> SimpleNamespace:
        """One step of so many seconds, and so many for its checkpoint."""
        control = SimpleNamespace(should_save=False, should_training_stop=False)
        state = SimpleNamespace(global_step=self.step)
        self.now += seconds
        self.times.on_optimizer_step(None, state, control)
        self.times.on_step_end(None, state, control)
        self.step += 1
        if control.should_save:
            self.now += saving
            self.times.on_save(None, state, control)
        return control


def test_a_long_epoch_is_saved_about_every_ten_minutes(monkeypatch, llama_checkpoint):
    clock = Clock(monkeypatch, spec_for(llama_checkpoint).training)
    assert [clock.take_step(250).should_save for _ in range(7)] == [False, False, True, False, False, True, False]


def test_a_checkpoint_that_takes_long_to_write_is_written_less_often(monkeypatch, llama_checkpoint):
    clock = Clock(monkeypatch, spec_for(llama_checkpoint).training)
    saved = [clock.take_step(600, saving=60).should_save for _ in range(6)]
    assert saved == [True, False, True, False, True, False] and LEAST_RATIO * 60 == 1200


def test_no_minutes_are_no_timed_checkpoints(monkeypatch, llama_checkpoint):
    clock = Clock(monkeypatch, spec_for(llama_checkpoint, save_every_minutes=0.0).training)
    assert not any(clock.take_step(100_000).should_save for _ in range(3))


def test_a_request_to_stop_is_met_at_the_end_of_the_step_with_a_checkpoint(monkeypatch, llama_checkpoint):
    clock = Clock(monkeypatch, spec_for(llama_checkpoint).training)
    before = clock.take_step(1)
    clock.request.number = 15
    after = clock.take_step(1)
    assert not before.should_save and not before.should_training_stop
    assert after.should_save and after.should_training_stop
