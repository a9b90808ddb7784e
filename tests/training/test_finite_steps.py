"""Losses, gradients and weights that are no numbers: the training stops in one line and saves nothing of them."""

import pytest
import torch
from test_training import run_training, spec_for
from transformers import Trainer

from reversal_cli.errors import ReversalError
from reversal_cli.spec.pretraining import PretrainSpec
from reversal_cli.training.finite_steps import FiniteSteps, refuse_unusable_weights
from reversal_cli.training.pretrain import pretrain

DIVERGES = {"epochs": 1, "learning_rate": 1e300, "max_grad_norm": 1e9}


class Control:
    """The flags of Trainer that are read."""

    def __init__(self, log: bool = False, save: bool = False):
        self.should_log, self.should_save = log, save


class State:
    global_step = 7


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_training_that_diverges_between_two_records_of_its_log_is_one_line(llama_checkpoint, tmp_path, tuning):
    spec = spec_for(llama_checkpoint, tuning=tuning, **DIVERGES)
    with pytest.raises(ReversalError, match=r"training: the loss is (nan|inf) at step 2; expected a number; lower"):
        run_training(spec, tmp_path / "run")
    assert list((tmp_path / "run").rglob("*.safetensors")) == []


def test_weights_that_the_last_step_broke_are_not_saved(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="full", batch_size=5, **DIVERGES)
    with pytest.raises(ReversalError, match=r"trained tensors are not finite after step 1 \(model\.embed_tokens"):
        run_training(spec, tmp_path / "run")
    assert list((tmp_path / "run").rglob("*.safetensors")) == []


def test_a_gradient_norm_that_is_no_number_names_its_step(llama_checkpoint, tmp_path, monkeypatch):
    losses: list[torch.Tensor] = []
    stock = Trainer.training_step

    def with_an_infinite_gradient(self, model, *args, **options):
        losses.append(stock(self, model, *args, **options))
        if len(losses) == 3:
            next(model.parameters()).grad[0] = torch.inf
        return losses[-1]

    monkeypatch.setattr(Trainer, "training_step", with_an_infinite_gradient)
    with pytest.raises(ReversalError, match="the gradient norm is inf at step 3"):
        run_training(spec_for(llama_checkpoint, tuning="full"), tmp_path / "run")


def test_a_base_that_diverges_is_one_line_and_no_folder(tmp_path):
    training = {"tuning": "full", "batch_size": 4, "warmup_steps": 0, "device": "cpu", "dtype": "float32", **DIVERGES}
    spec = PretrainSpec(name="x", people=3, sentences=4, vocab_size=300, training=training)
    with pytest.raises(ReversalError, match="training: the loss is nan at step 2"):
        pretrain(spec, tmp_path / "base", lambda step, total, loss: None)
    assert not (tmp_path / "base").exists()


def test_on_a_gpu_the_first_such_step_is_read_before_a_record_or_a_checkpoint():
    model = torch.nn.Linear(1, 1)
    steps = FiniteSteps(torch.device("cpu"))
    steps.waits = True
    for step, loss in enumerate((1.0, torch.inf, torch.nan, 2.0), start=1):
        steps.add("loss", step, torch.tensor(loss))
        steps.on_step_end(None, State, Control(), model)
    for control in (Control(log=True), Control(save=True)):
        with pytest.raises(ReversalError, match="the loss is inf at step 2"):
            steps.on_step_end(None, State, control, model)


def test_frozen_weights_are_not_looked_at():
    model = torch.nn.Linear(2, 2)
    with torch.no_grad():
        model.bias[0] = torch.nan
    with pytest.raises(ReversalError, match=r"1 of 2 trained tensors are not finite at the end \(bias"):
        refuse_unusable_weights(model, "at the end")
    model.bias.requires_grad_(False)
    assert refuse_unusable_weights(model, "at the end") is None
