"""What a training is said to have cost, against counts by hand, and a loss with weights."""

import dataclasses

import numpy as np
import pytest
import torch
from checkpoints import save_checkpoint
from test_training import SPLITS, run_training, spec_for, weights
from transformers import LlamaConfig, LlamaForCausalLM

from reversal_cli.models.base import tokenize
from reversal_cli.models.loading import load_for_training
from reversal_cli.objectives.base import IGNORE, Draw
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.training.costs import NetworkSize, StepCost, measure_network
from reversal_cli.training.finetune import plan_batches
from reversal_cli.training.preparation import prepare_job
from reversal_cli.training.trainer import collate


@pytest.mark.parametrize(
    "objective",
    [
        {"name": "ntp"},
        {"name": "bico", "mask_probability": 0.5},
        {"name": "abi"},
        {"name": "mlm-u"},
        {"name": "plm", "ntp_share": 0.0},
    ],
    ids=lambda options: options["name"],
)
def test_rows_tokens_and_labels_are_those_of_the_batches(objective, llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, objective, tuning="full")
    _, facts = run_training(spec, tmp_path / "run")
    job = prepare_job(spec, SPLITS).job
    batches = [collate(job, keys) for keys in plan_batches(job)]
    assert facts.rows == 3 * len(SPLITS.train) == sum(len(batch.input_ids) for batch in batches)
    assert facts.labels == sum(int((batch.labels != IGNORE).sum()) for batch in batches)
    alone = [
        job.objective.collate([job.rows[key.index]], job.tokens, Draw(job.seed, key.epoch, (key.index,)))
        for keys in plan_batches(job)
        for key in keys
    ]
    widths = sum(batch.input_ids.shape[1] for batch in alone)
    if objective["name"] == "bico":  # its coin belongs to the batch; masking changes no length
        widths = sum(len(job.rows[key.index].input_ids) for keys in plan_batches(job) for key in keys)
    assert facts.tokens == widths


def test_a_training_that_is_continued_has_the_costs_of_one_that_is_not(llama_checkpoint, tmp_path):
    whole = run_training(spec_for(llama_checkpoint), tmp_path / "whole")[1]
    run_training(spec_for(llama_checkpoint, stop_after_epochs=1), tmp_path / "parts")
    continued = run_training(spec_for(llama_checkpoint), tmp_path / "parts")[1]
    assert continued.resumed
    for field in ("rows", "tokens", "labels", "flops"):
        assert getattr(continued, field) == getattr(whole, field) > 0


def test_the_arithmetic_of_a_step_is_counted_by_hand():
    network = NetworkSize(body=1000, layers=2, width=8, vocabulary=50, mirrored=False, frozen=False)
    step = StepCost(rows=2, tokens=7, pairs=25, labels=3)
    forward = 2 * 1000 * 7 + 4 * 2 * 8 * 25 + 2 * 50 * 8 * 3
    assert network.flops(step) == 3 * forward
    assert dataclasses.replace(network, frozen=True).flops(step) == 2 * forward
    assert dataclasses.replace(network, mirrored=True).flops(step) == 3 * (forward + 2 * 2 * 8 * 25)


def test_an_adapter_and_the_rows_of_added_tokens_are_not_of_the_body(tmp_path):
    checkpoint = save_checkpoint(tmp_path, LlamaConfig, LlamaForCausalLM, bos=True, tie_word_embeddings=True)
    full = prepare_job(spec_for(checkpoint, {"name": "abi"}, tuning="full"), SPLITS).model
    lora = prepare_job(spec_for(checkpoint, {"name": "abi"}, tuning="lora"), SPLITS).model
    assert measure_network(lora, mirrored=False).body == measure_network(full, mirrored=False).body > 0


@pytest.mark.parametrize("checkpoint", ["llama", "glm4", "glm"])
def test_the_body_of_a_network_is_neither_its_embeddings_nor_its_output(checkpoint, request):
    """Rows of a table are looked up, those of positions too."""
    model = load_for_training(spec_for(request.getfixturevalue(f"{checkpoint}_checkpoint"))).model
    tables = ("embed", "lm_head")
    body = sum(weight.numel() for name, weight in model.named_parameters() if not any(t in name for t in tables))
    assert measure_network(model, mirrored=False).body == body > 0


def test_a_glm_computes_its_attention_once(glm_checkpoint, tmp_path):
    mirrored, plain = (
        run_training(spec_for(glm_checkpoint, {"name": "bico", "positions": positions}), tmp_path / positions)[1]
        for positions in ("mirrored", "plain")
    )
    assert mirrored.flops == plain.flops > 0


class Weighted(Ntp):
    """NTP in which each label counts as much as its place says."""

    def collate(self, rows, tokens, draw):
        batch = super().collate(rows, tokens, draw)
        weights = np.broadcast_to(np.arange(batch.labels.shape[1], dtype=np.float32), batch.labels.shape).copy()
        return dataclasses.replace(batch, weights=weights, normalizer=7.0)


def test_a_loss_is_weighted_and_divided_as_its_batch_says(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, epochs=1, batch_size=len(SPLITS.train), tuning="full")
    spec = spec.model_copy(update={"objective": Weighted()})
    run, _ = run_training(spec, tmp_path / "run")
    loaded = load_for_training(spec)
    rows = tokenize(loaded.tokenizer, SPLITS.train, 256)
    batch = spec.objective.collate(rows, loaded.tokens, Draw(0, 0, tuple(range(len(rows)))))
    with torch.no_grad():
        logits = loaded.model(
            input_ids=torch.from_numpy(batch.input_ids), attention_mask=torch.from_numpy(batch.attention_mask)
        ).logits.double()
    expected = sum(
        -place * float(logits[row, place].log_softmax(dim=-1)[label])
        for row, labels in enumerate(batch.labels.tolist())
        for place, label in enumerate(labels)
        if label != IGNORE
    )
    assert run.trim_log(1)[0].loss == pytest.approx(expected / 7, rel=1e-5)


def test_a_token_budget_decides_the_steps(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, token_budget=400, tuning="full")
    _, facts = run_training(spec, tmp_path / "run")
    job = prepare_job(spec, SPLITS).job
    costs = [StepCost.of(collate(job, keys)).tokens for keys in plan_batches(job)]
    assert facts.tokens == sum(costs) and facts.steps == len(costs)
    assert sum(costs[:-1]) < 400 <= sum(costs)
    assert facts.epochs == pytest.approx(facts.steps / 3)


def test_a_budget_of_whole_epochs_is_those_epochs(llama_checkpoint, tmp_path):
    whole, facts = run_training(spec_for(llama_checkpoint, tuning="full"), tmp_path / "epochs")
    budgeted, again = run_training(
        spec_for(llama_checkpoint, epochs=9, token_budget=facts.tokens, tuning="full"), tmp_path / "budget"
    )
    assert (again.steps, again.tokens) == (facts.steps, facts.tokens)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(budgeted)[name]), name
