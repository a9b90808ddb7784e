"""The speed of training steps: of the very trainer that `reversal finetune` uses, on its own batches."""

import gc
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback
from transformers.trainer_utils import SaveStrategy

from reversal_cli.bench.measure import Spread, mark, peak_memory, reset_peak_memory, seconds_between
from reversal_cli.bench.work import CountingTrainer, StepWork, padding_share
from reversal_cli.models.memory import explain_out_of_memory
from reversal_cli.training.finetune import TOO_LARGE, AnyTrainer, new_trainer, plan_batches
from reversal_cli.training.trainer import ObjectiveTrainer, TrainingJob

WARMUP_STEPS = 2
"""Steps before the first that counts."""
PARTS = ("data", "forward", "backward", "optimizer")
"""data: the batch is built and the step before it logged. optimizer: with the clipping of the gradient."""


@dataclass(frozen=True, slots=True)
class TrainSpeed:
    """What was measured of the training steps of one job."""

    rows_per_second: Spread
    tokens_per_second: Spread
    """Real tokens: padding is not counted."""
    padding: float
    """Share of the positions that are padding."""
    step_seconds: Spread
    parts: dict[str, Spread]
    """Seconds of a step in each of `PARTS`."""
    step_gflops: Spread
    """Billions of additions and multiplications in the matrix products of a step."""
    ceiling_share: Spread
    """Speed of a step's matrix products, as a share of the fastest matrix product."""
    peak_memory_mib: float
    cores: float
    """Processor time of the timed steps, divided by their time: below 1 on a CPU, the process had to wait."""


class TimedTrainer(ObjectiveTrainer):
    """Notes the time when a batch is there, the loss is there, the gradients are there, and the step ends."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.marks: list[Any] = []
        self.add_callback(StepEnds(self))

    def mark(self) -> None:
        self.marks.append(mark(self.args.device))

    def training_step(self, *args: Any, **options: Any) -> Tensor:
        self.mark()
        loss = super().training_step(*args, **options)
        self.mark()
        return loss

    def compute_loss(self, *args: Any, **options: Any) -> Tensor:
        loss = super().compute_loss(*args, **options)
        self.mark()
        return loss

    def part_seconds(self) -> dict[str, list[float]]:
        """Part -> seconds in each step after the warm-up."""
        first = len(PARTS) * WARMUP_STEPS - 1  # where the last step of the warm-up ends
        seconds = seconds_between(self.marks[first:])
        return {part: seconds[index :: len(PARTS)] for index, part in enumerate(PARTS)}


class StepEnds(TrainerCallback):
    """Notes the end of each step."""

    def __init__(self, trainer: TimedTrainer):
        self.trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.trainer.mark()


class StopAfter(TrainerCallback):
    """Ends a training after some steps of its schedule."""

    def __init__(self, steps: int):
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop |= state.global_step >= self.steps


def measure_training(model: nn.Module, job: TrainingJob, steps: int, ceiling_gflops: float) -> TrainSpeed:
    """Trains twice on the same batches: to count the work, which also warms up, and for the time."""
    with explain_out_of_memory(TOO_LARGE.format(job.training.batch_size)):
        work = run_steps(model, job, WARMUP_STEPS + steps, CountingTrainer).work[WARMUP_STEPS:]
        gc.collect()
        device = next(model.parameters()).device
        reset_peak_memory(device)
        started = time.perf_counter(), time.process_time()
        parts = run_steps(model, job, WARMUP_STEPS + steps, TimedTrainer).part_seconds()
        wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
    return speed_of(work, parts, ceiling_gflops, peak_memory(device), processor / wall)


def run_steps(model: nn.Module, job: TrainingJob, steps: int, trainer_class: type[AnyTrainer]) -> AnyTrainer:
    """The trainer after the first steps of the job; it saves nothing."""
    epochs = -(-steps * job.training.batch_size // len(job.rows))
    training = job.training.model_copy(update={"epochs": max(epochs, job.training.epochs)})
    job = replace(job, training=training)
    vars(model).pop("forward", None)  # autocast, which accelerate puts around the network once per trainer
    with tempfile.TemporaryDirectory() as folder:
        trainer = new_trainer(model, job, plan_batches(job), Path(folder), [StopAfter(steps)], trainer_class)
        trainer.args.save_strategy = SaveStrategy.NO
        trainer.train()
    return trainer


def speed_of(
    work: list[StepWork],
    parts: dict[str, list[float]],
    ceiling_gflops: float,
    peak_memory_mib: float,
    cores: float,
) -> TrainSpeed:
    """The numbers of steps whose work and seconds are known."""
    seconds = [sum(of_step) for of_step in zip(*parts.values(), strict=True)]
    timed = list(zip(work, seconds, strict=True))
    return TrainSpeed(
        rows_per_second=Spread.of(step.rows / second for step, second in timed),
        tokens_per_second=Spread.of(step.tokens / second for step, second in timed),
        padding=padding_share(work),
        step_seconds=Spread.of(seconds),
        parts={part: Spread.of(times) for part, times in parts.items()},
        step_gflops=Spread.of(step.flops / 1e9 for step in work),
        ceiling_share=Spread.of(step.flops / 1e9 / second / ceiling_gflops for step, second in timed),
        peak_memory_mib=peak_memory_mib,
        cores=cores,
    )
