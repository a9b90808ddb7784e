"""What is known of an experiment's runs before they begin: what each asks for, and which take equally long."""

from collections.abc import Sequence

from reversal_cli.console import Terminal
from reversal_cli.run_clock import RunClock
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.workers.job import Resources


def resources_of(spec: ExperimentSpec) -> Resources:
    """The name of the run, and what it asks for."""
    resources = spec.resources
    return Resources(f"{spec.name} seed {spec.seed}", resources.cpus, resources.gpus, spec.training.device)


def clock_of(specs: Sequence[ExperimentSpec], done: Sequence[bool], at_a_time: int) -> RunClock:
    """The clock of these runs. done: whether each is complete already. at_a_time: runs at a time."""
    kinds = [(spec.model.name, spec.method, spec.shortened_training.last_epoch) for spec in specs]
    epochs = [spec.shortened_training.last_epoch if spec.objective.trains else 0 for spec in specs]
    left = [None if complete else kind for kind, complete in zip(kinds, done, strict=True)]
    return RunClock(left, epochs, at_a_time)


def warn_of_long_warmup(training: TrainingSpec, rows: int, terminal: Terminal) -> None:
    """Warns of a warm-up that a training of so many rows does not get to the end of."""
    steps = -(-rows // training.batch_size) * training.last_epoch
    if training.token_budget is None and training.warmup_steps > steps:
        terminal.warn(
            f"training.warmup_steps is {training.warmup_steps}, but the training ends after step {steps}, so "
            "that the learning rate never reaches its peak; lower it (--set training.warmup_steps=N) or train longer"
        )
