"""Checkpoints within an epoch: after so many steps or minutes, and when the training is told to stop."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from transformers import TrainerCallback

from reversal_cli.interruption import Interruption
from reversal_cli.processes.together import greatest
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.spec.experiment import TrainingSpec
from reversal_cli.training.finite_steps import naming_last_checkpoint

LEAST_RATIO = 20
"""The time between two timed checkpoints over the time that the last one took to write: at least so much."""


class StopRequest:
    """SIGTERM or Ctrl-C, remembered until the step has ended. A second Ctrl-C ends the training at once."""

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the first signal; None: none has come."""

    def receive(self, number: int, frame: Any) -> None:
        """The handler of both signals."""
        if self.number is not None and number == signal.SIGINT:
            raise Interruption(number)
        self.number = self.number or number


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Inside, the two signals are remembered. One that is ignored outside stays so, as Ctrl-C is in a worker."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    earlier = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    for number in earlier:
        signal.signal(number, request.receive)
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def saved_when_stopped(training: TrainingSpec, run: RunDirectory) -> "Iterator[SaveTimes]":
    """The last callback of a training inside, which a signal ends with Interruption when a checkpoint is saved.

    If the training ends with numbers that are not finite, the error names the checkpoint before.
    """
    with stop_requests() as request, naming_last_checkpoint(run.checkpoints_path):
        times = SaveTimes(training, request)
        yield times
    (number,) = greatest(request.number or 0)  # it may have come after the last step
    if number:
        step = times.last_saved
        raise Interruption(number, *([f"saved {run.checkpoints_path / f'checkpoint-{step}'}"] if step else []))


class SaveTimes(TrainerCallback):
    """Saves within an epoch as the options say, and saves and ends the training after a request.

    To be the last callback: its `on_step_end` begins the time of a save, which no evaluation is to be part of.
    """

    def __init__(self, training: TrainingSpec, request: StopRequest):
        self.steps = training.save_every_steps
        self.least_seconds = 60 * training.save_every_minutes
        self.request = request
        self.last_saved = 0
        """The step of the last checkpoint; 0: none was written."""
        self.seconds = self.least_seconds
        self.began = self.ended = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ended = time.monotonic()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # Before the callbacks at the end of the step: that of finite weights looks at them if they are to be saved.
        step = state.global_step + 1
        # If it is time in one of several processes, or one is told to stop, all of them save.
        save, number = greatest(self._is_time(step), self.request.number or 0)
        control.should_training_stop |= number > 0
        control.should_save |= save + number > 0

    def _is_time(self, step: int) -> bool:
        """Whether the options ask for a checkpoint after this step."""
        return bool(self.steps and step % self.steps == 0) or 0 < self.seconds <= time.monotonic() - self.ended

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.began = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.ended = time.monotonic()
        self.last_saved = state.global_step
        if self.least_seconds:
            self.seconds = max(self.least_seconds, LEAST_RATIO * (self.ended - self.began))
