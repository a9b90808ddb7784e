"""How long a run will take and how much memory it needs, from the speeds that were measured on this machine."""

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

from reversal_cli.bench.nearest import arithmetic_of, nearest
from reversal_cli.bench.speeds import Speed
from reversal_cli.bench.workload import Evaluation, Workload
from reversal_cli.files.reading import JsonObject
from reversal_cli.runs.records import Arithmetic
from reversal_cli.spec.experiment import ExperimentSpec

SAME_LENGTH = 0.02
"""Rows whose mean length differs by less than this share count as equally long."""


class Estimate(NamedTuple):
    """What one run will take."""

    training: float
    """Seconds, with the evaluations along the training; 0 if there is nothing left to train."""
    generation: float
    """Seconds for the prompts of the evaluation."""
    ranking: float
    """Seconds for its rankings."""
    evaluation: Evaluation
    memory_mib: float | None
    """Peak of the training; None: not measured, since nothing is trained."""
    notes: tuple[str, ...]
    """How what was measured differs from the run."""

    @property
    def seconds(self) -> float:
        return self.training + self.generation + self.ranking

    def content(self) -> JsonObject:
        """The estimate as JSON."""
        seconds = {"training": self.training, "generation": self.generation, "ranking": self.ranking}
        return {
            "seconds": {name: round(value, 1) for name, value in {**seconds, "total": self.seconds}.items()},
            "memory_mib": self.memory_mib and round(self.memory_mib, 1),
            "notes": list(self.notes),
        }


def estimate(
    spec: ExperimentSpec,
    is_trained: bool,
    speeds: Sequence[Speed],
    workers: int,
    count: Callable[[ExperimentSpec], Workload],
) -> Estimate | None:
    """The estimate for a run; None if nothing like it was measured.

    is_trained: whether there is nothing left to train. workers: runs at a time. count: what the run does; called only
    if something was measured.
    Raises ReversalError for a device or a precision that this machine lacks, and as `count` does.
    """
    if not speeds:
        return None  # before torch is imported
    where = arithmetic_of(spec, spec.training.dtype, workers)
    speed = nearest(speeds, spec, where)
    answers = nearest(speeds, spec, arithmetic_of(spec, spec.evaluation.dtype or spec.training.dtype, workers)) or speed
    if answers is None or (speed is None and not is_trained):
        return None
    work, asked = count(spec)
    prompt_seconds = spec.evaluation.max_new_tokens / answers.max_new_tokens / answers.prompts_per_second
    training, memory, notes = 0.0, None, [*_of_answers(spec, answers), *_of_machine(answers, where)]
    if speed is not None and not is_trained:
        longer = work.characters_per_row / speed.characters_per_row
        training = work.rows * longer / speed.rows_per_second + work.prompts * prompt_seconds
        memory = speed.peak_memory_mib
        notes = [*_of_training(spec, speed, longer), *notes, *_of_machine(speed, where)]
    ranking = asked.candidates / answers.candidates_per_second
    return Estimate(training, asked.prompts * prompt_seconds, ranking, asked, memory, tuple(dict.fromkeys(notes)))


def side_by_side(seconds: Sequence[float], workers: int) -> float:
    """Seconds until all runs are made, if the next one begins as soon as one of the workers has nothing to do.

    >>> side_by_side([3.0, 1.0, 1.0, 2.0], 2)
    4.0
    """
    free = [0.0] * workers
    for run in seconds:
        heapq.heapreplace(free, free[0] + run)
    return max(free)


def _of_training(spec: ExperimentSpec, speed: Speed, longer: float) -> list[str]:
    """How the measured training differs from that of the run."""
    notes = []
    if speed.batch_size != spec.training.batch_size:
        notes.append(f"time scaled by tokens from batch {speed.batch_size}, whose memory this is")
    if abs(longer - 1) > SAME_LENGTH:
        notes.append(f"time scaled to rows {longer:.2g} times as long as those measured")
    if speed.tuning != spec.training.tuning:
        notes.append(f"measured with {speed.tuning} tuning")
    if spec.training.gradient_checkpointing:
        notes.append("measured without gradient checkpointing")
    return notes


def _of_answers(spec: ExperimentSpec, speed: Speed) -> list[str]:
    """How the measured answers differ from those of the run."""
    notes = []
    if speed.max_new_tokens != spec.evaluation.max_new_tokens:
        notes.append(f"completions scaled from {speed.max_new_tokens} tokens")
    if spec.evaluation.dtype not in (None, speed.arithmetic.dtype):
        notes.append(f"evaluation measured in {speed.arithmetic.dtype}")
    return notes


def _of_machine(speed: Speed, where: Arithmetic) -> list[str]:
    """How the machine differed when it was measured."""
    notes = []
    if speed.arithmetic.threads != where.threads:
        notes.append(f"measured with {speed.arithmetic.threads} threads, not {where.threads}")
    if speed.busy:
        notes.append("measured on a busy machine, so probably less")
    return notes
