"""What happens along a training: progress and the log, and evaluations on validation prompts."""

import math
import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from reversal_cli.runs.records import LogRecord

OnStep = Callable[..., None]
"""Called as `on_step(optimizer step, all steps, loss=...)`, and in an evaluation meanwhile as
`on_step(prompts, all prompts, stage="validation", epoch=2)`."""
OnLog = Callable[[LogRecord], None]
"""Called for each line of the training log."""


class Reporter(TrainerCallback):
    """Progress, the training log, and the stop before the schedule's end."""

    def __init__(
        self, stop: int, steps_per_epoch: int, report_step: OnStep, write_log: OnLog, seconds_before: float = 0.0
    ):
        self.started = time.monotonic() - seconds_before
        self.stop = stop
        self.steps_per_epoch = steps_per_epoch
        self.report_step = report_step
        self.write_log = write_log
        self.loss = float("nan")

    def on_step_end(self, args, state, control, **_: Any) -> None:
        self.report_step(state.global_step, self.stop, loss=self.loss)
        if state.global_step >= self.stop:
            control.should_training_stop = True

    def on_log(self, args, state, control, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        self.loss = logs["loss"]
        if not state.is_world_process_zero:
            return
        epoch = round(state.global_step / self.steps_per_epoch, 4)
        # In half precision the gradient of a step may overflow; the step is then left out, and has no norm.
        rates = {key: logs[key] for key in ("learning_rate", "grad_norm") if math.isfinite(logs.get(key, math.nan))}
        seconds = round(time.monotonic() - self.started, 1)
        self.write_log(LogRecord(step=state.global_step, epoch=epoch, loss=self.loss, seconds=seconds, **rates))


class EvaluatedEpochs(TrainerCallback):
    """Calls `evaluate(epoch, step)` after every so many epochs, and after the last step."""

    def __init__(self, every: int, steps_per_epoch: int, stop: int, evaluate: Callable[[int, int], None]):
        self.every = every
        self.steps_per_epoch = steps_per_epoch
        self.stop = stop
        self.evaluate = evaluate

    def on_step_end(self, args, state, control, **_: Any) -> None:
        # Before the checkpoint of the epoch is saved: no training continues after an evaluation that was cut off.
        step = state.global_step
        if step == self.stop or step % (self.every * self.steps_per_epoch) == 0:
            self.evaluate(-(-step // self.steps_per_epoch), step)
