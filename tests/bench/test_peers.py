"""Other tools get the same work, in turns."""

import pytest
import torch
from transformers import DataCollatorForLanguageModeling

from reversal_cli.bench.bench import benchmark_splits
from reversal_cli.bench.eval_speed import rank_candidates, sample_prompts
from reversal_cli.bench.peer_evaluation import candidate_pairs, published_loop
from reversal_cli.bench.peer_training import one_epoch, plain_rows
from reversal_cli.bench.turns import ROUNDS, Turns, take_turns
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.families import load_checkpoint
from reversal_cli.objectives.base import IGNORE
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.finetune import plan_batches
from reversal_cli.training.preparation import prepare_job


@pytest.fixture(scope="module")
def splits():
    return benchmark_splits()


def spec_of(checkpoint: str) -> ExperimentSpec:
    training = {"batch_size": 8, "dtype": "float32", "device": "cpu", "tuning": "full"}
    return ExperimentSpec(name="x", model={"name": checkpoint}, training=training)


def test_the_sides_take_turns_and_the_first_round_does_not_count():
    log = []

    def side(name: str, seconds: list[float]):
        return lambda: log.append(name) or seconds.pop(0)

    result = take_turns(
        "x", Turns("other", "rows", 6, side("A", [9.0, 2.0, 2.0, 3.0]), side("B", [9.0, 6.0, 3.0, 6.0]))
    )
    assert "".join(log) == "AB" * (1 + ROUNDS)
    assert (result.ours.median, result.theirs.median, result.ratio) == (3.0, 1.0, 3.0)


def test_the_published_loop_completes_the_prompts_as_this_tool_does(llama_checkpoint, splits):
    loaded = load_checkpoint(spec_of(llama_checkpoint), torch.float32, torch.device("cpu"))
    prompts = sample_prompts(splits, 3)
    ours = dict.fromkeys(range(len(prompts)), "")
    for batch in complete_prompts(loaded, spec_of(llama_checkpoint).objective, prompts, 8, 64):
        ours |= {completion.index: completion.text for completion in batch}
    assert published_loop(loaded, prompts, 8) == list(ours.values())


def test_the_harness_ranks_as_many_candidates_as_this_tool(llama_checkpoint, splits):
    spec = spec_of(llama_checkpoint)
    loaded = load_checkpoint(spec, torch.float32, torch.device("cpu"))
    assert len(candidate_pairs(splits)) == rank_candidates(loaded, spec, splits)


def test_other_trainers_get_the_rows_of_one_epoch_and_the_labels_of_ntp(llama_checkpoint, splits):
    loaded, _, job = prepare_job(spec_of(llama_checkpoint), splits)
    job = one_epoch(job, 5)
    assert len(job.rows) == 5 * 8 and plan_batches(job).batches_per_epoch == 5
    rows = plain_rows(job)[:3]
    theirs = DataCollatorForLanguageModeling(loaded.tokenizer, mlm=False)(rows)
    for row, ids, labels in zip(job.rows, theirs["input_ids"], theirs["labels"], strict=False):
        assert tuple(ids[: len(row.input_ids)].tolist()) == row.input_ids
        assert tuple(labels[: len(row.input_ids)].tolist()) == row.input_ids
        assert (labels[len(row.input_ids) :] == IGNORE).all()
