"""The numbers of a benchmark against slow, obvious references."""

import numpy as np
import pytest
import torch
from checkpoints import SIZES

from reversal_cli.bench.cases import BenchOptions, cases, command_line
from reversal_cli.bench.ceiling import measure_ceiling
from reversal_cli.bench.measure import Spread, peak_memory, reset_peak_memory, seconds_between, seconds_of
from reversal_cli.bench.train_speed import PARTS, WARMUP_STEPS, TimedTrainer, measure_training, run_steps, speed_of
from reversal_cli.bench.work import CountingTrainer, StepWork, padding_share
from reversal_cli.data.base import Example, Splits
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.objectives.base import IGNORE, Draw
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.finetune import plan_batches
from reversal_cli.training.labelled import filled_up
from reversal_cli.training.preparation import Prepared, prepare_job

CPU = torch.device("cpu")
TEXTS = [
    ("Ann Low is", " a fox."),
    ("Bo is known to be", " the old red hen."),
    ("Cy Ray was", " an ant."),
    ("Di", " b."),
]
SPLITS = Splits(tuple(Example(prompt, text, prompt) for prompt, text in TEXTS), {}, {})


def prepared(checkpoint: str, objective: str, **training: object) -> Prepared:
    options = {"tuning": "full", "batch_size": 2, "dtype": "float32", "device": "cpu", "warmup_steps": 0}
    spec = ExperimentSpec(
        name="x", model={"name": checkpoint}, objective={"name": objective}, training=options | training
    )
    return prepare_job(spec, SPLITS)


def hand_count(
    layer_weights: int, layers: int, hidden: int, vocabulary: int, step: StepWork, scored: int, products: int
) -> int:
    """Additions and multiplications of a full training step, forward and backward.

    Each matrix is multiplied once forward and twice backward, for the gradients of its inputs and of its weights.
    products: of a query and a key for every pair of positions, in the attention of one layer.
    """
    width = step.positions // step.rows
    linear = 3 * 2 * step.positions * layer_weights
    attention = products * 2 * step.rows * width * width * hidden
    return layers * (linear + attention) + 3 * 2 * scored * hidden * vocabulary


def scored_positions(ready: Prepared) -> list[int]:
    """Positions that the output layer sees in the first steps."""
    job, counts = ready.job, []
    for keys in list(plan_batches(job))[:2]:
        draw = Draw(job.seed, keys[0].epoch, tuple(key.index for key in keys))
        labels = job.objective.collate([job.rows[key.index] for key in keys], job.tokens, draw).labels
        counts.append(filled_up(int((labels != IGNORE).sum())))
    return counts


def test_the_counted_operations_of_a_llama_are_those_of_a_count_by_hand(llama_checkpoint):
    ready = prepared(llama_checkpoint, "ntp")
    work = run_steps(ready.model, ready.job, 2, CountingTrainer).work
    hidden, mlp = SIZES["hidden_size"], SIZES["intermediate_size"]
    keys = hidden * SIZES["num_key_value_heads"] // SIZES["num_attention_heads"]
    weights = 2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * mlp
    vocabulary = ready.model.config.vocab_size
    layers, products = SIZES["num_hidden_layers"], 2 + 5  # the backward computes the scores again
    for step, scored in zip(work, scored_positions(ready), strict=True):
        assert step.flops == hand_count(weights, layers, hidden, vocabulary, step, scored, products)


def test_the_counted_operations_of_a_glm_are_those_of_a_count_by_hand(glm_checkpoint):
    ready = prepared(glm_checkpoint, "ntp")
    config = ready.model.config
    work = run_steps(ready.model, ready.job, 2, CountingTrainer).work
    weights = (3 + 1 + 4 + 4) * config.hidden_size**2
    sizes = (weights, config.num_layers, config.hidden_size, config.vocab_size)
    products = 2 + 4  # this checkpoint has dropout, for which the scores are kept
    for step, scored in zip(work, scored_positions(ready), strict=True):
        assert step.flops == hand_count(*sizes, step, scored, products)


def test_padding_is_counted_over_all_steps():
    # rows of 3 and 5 tokens, then of 4 and 4: 18 positions, of which 2 are padding
    work = [StepWork(2, 8, 10, 0), StepWork(2, 8, 8, 0)]
    assert padding_share(work) == pytest.approx(2 / 18)


def test_medians_and_percentiles_are_interpolated():
    spread = Spread.of(float(value) for value in range(11))
    assert (spread.median, spread.p10, spread.p90, spread.count) == (5.0, 1.0, 9.0, 11)
    assert spread.noisy
    assert not Spread.of([10.0, 11.0, 10.5]).noisy
    one = Spread.of([2.5])
    assert (one.median, one.p10, one.p90, one.noisy) == (2.5, 2.5, 2.5, False)


def test_the_rates_of_steps_are_their_work_divided_by_all_their_parts():
    work = [StepWork(rows=4, tokens=20, positions=25, flops=6 * 10**9), StepWork(4, 30, 30, 9 * 10**9)]
    parts = {"data": [1.0, 0.5], "forward": [1.0, 0.5], "backward": [1.0, 0.5], "optimizer": [1.0, 0.5]}
    speed = speed_of(work, parts, ceiling_gflops=9.0, peak_memory_mib=1.0, cores=1.0)
    assert speed.step_seconds.median == 3.0  # of 4 and 2
    assert speed.rows_per_second.median == 1.5  # of 1 and 2
    assert speed.tokens_per_second.median == 10.0  # of 5 and 15
    assert speed.ceiling_share.median == pytest.approx((6 / 4 / 9 + 9 / 2 / 9) / 2)
    assert speed.padding == pytest.approx(5 / 55)


def test_marks_are_apart_by_the_seconds_between_them():
    assert seconds_between([1.0, 3.0, 3.5]) == [2.0, 0.5]
    assert seconds_of(lambda: None, CPU) >= 0


def test_every_step_after_the_warm_up_has_all_parts(llama_checkpoint):
    ready = prepared(llama_checkpoint, "ntp")
    trainer = run_steps(ready.model, ready.job, WARMUP_STEPS + 3, TimedTrainer)
    assert trainer.state.global_step == WARMUP_STEPS + 3
    parts = trainer.part_seconds()
    assert tuple(parts) == PARTS
    assert {len(seconds) for seconds in parts.values()} == {3}
    assert all(second > 0 for seconds in parts.values() for second in seconds)


def test_more_steps_than_the_schedule_has_are_trained(llama_checkpoint):
    ready = prepared(llama_checkpoint, "ntp", epochs=1)
    speed = measure_training(ready.model, ready.job, 7, ceiling_gflops=1.0)
    assert speed.step_seconds.count == 7


def test_counting_and_timing_see_the_same_batches(llama_checkpoint):
    ready = prepared(llama_checkpoint, "abi")
    first, second = (run_steps(ready.model, ready.job, 4, CountingTrainer).work for _ in range(2))
    assert first == second


def test_a_ceiling_is_of_one_of_the_sizes():
    ceiling = measure_ceiling(torch.float32, CPU, sizes=(16, 32))
    assert ceiling.gflops > 0 and ceiling.size in (16, 32)


def test_the_peak_of_memory_holds_what_was_allocated():
    reset_peak_memory(CPU)
    array = np.ones(2**23)  # 64 MiB
    assert peak_memory(CPU) > array.nbytes / 2**20


def test_every_model_is_measured_with_every_objective_that_fits_and_every_batch_size():
    specs = cases(BenchOptions(models=("tiny-llama", "tiny-glm"), batch_sizes=(8, 16)))
    points = [(spec.model.name, spec.objective.name, spec.training.batch_size) for spec in specs]
    assert points == [
        (model, name, size)
        for model, family in (("tiny-llama", "rotary"), ("tiny-glm", "glm"))
        for name, objective in OBJECTIVES.items()
        if not objective().refusal(family)
        for size in (8, 16)
    ]
    assert ("tiny-glm", "fim", 8) not in points and ("tiny-glm", "abi", 8) in points
    assert {spec.training.batch_size for spec in cases(BenchOptions())} == {32}


def test_the_command_line_of_a_result_measures_the_same():
    assert command_line(BenchOptions()) == "reversal bench --model tiny-llama --model tiny-glm"
    options = BenchOptions(("a b",), ("ntp",), (8, None), "float32", "cpu", 3, True)
    expected = (
        "reversal bench --model 'a b' --objective ntp --batch-size 8 --dtype float32 --device cpu --steps 3 --peers"
    )
    assert command_line(options) == expected
