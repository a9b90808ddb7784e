"""Which of the measured speeds is nearest to a run."""

import importlib.metadata
import math
import os
from collections.abc import Sequence

from reversal_cli.bench.speeds import Speed, model_key
from reversal_cli.runs.provenance import core_count
from reversal_cli.runs.records import Arithmetic
from reversal_cli.spec.experiment import ExperimentSpec


def nearest(speeds: Sequence[Speed], spec: ExperimentSpec, where: Arithmetic) -> Speed | None:
    """The speed of the same model, objective, precision and hardware whose other conditions are nearest.

    An untrained run has no objective: any will do. None if nothing fits.
    """
    model, torch = model_key(spec.model.name), importlib.metadata.version("torch")
    fitting = [
        speed
        for speed in speeds
        if (speed.model, speed.torch) == (model, torch)
        and (speed.objective == spec.objective.name or not spec.objective.trains)
        and _hardware(speed.arithmetic) == _hardware(where)
    ]

    def distance(speed: Speed) -> tuple[float, ...]:
        threads = abs((speed.arithmetic.threads or 0) - (where.threads or 0))
        batch = abs(math.log(speed.batch_size / spec.training.batch_size))
        return speed.tuning != spec.training.tuning, threads, batch

    return min(fitting, key=distance, default=None)


def arithmetic_of(spec: ExperimentSpec, dtype: str, workers: int) -> Arithmetic:
    """The arithmetic that a run will have here. Raises ReversalError for a device or precision that this machine lacks.

    workers: runs at a time, which share the cores unless OMP_NUM_THREADS is set.
    """
    from reversal_cli.models.precision import arithmetic, choose_device, choose_dtype

    device = choose_device(spec.training.device)
    here = arithmetic(choose_dtype(dtype, device), device)
    if workers == 1 or here.threads is None or "OMP_NUM_THREADS" in os.environ:
        return here
    return here.model_copy(update={"threads": max(1, (core_count() or 1) // workers)})


def _hardware(where: Arithmetic) -> tuple[str | None, ...]:
    return where.dtype, (where.device or "").partition(":")[0], where.instructions
