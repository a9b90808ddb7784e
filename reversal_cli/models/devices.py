"""Refuses a device or a precision that this machine lacks, before the first training."""

from collections.abc import Sequence
from pathlib import Path

from reversal_cli.runs.directory import RunDirectory, run_path
from reversal_cli.spec.experiment import ExperimentSpec


def refuse_missing_devices(specs: Sequence[ExperimentSpec], results: Path, overwrite: bool = False) -> None:
    """Raises ReversalError for a run whose device or precision cannot be used here; one that is complete is not
    checked, unless it is overwritten."""
    wanted = {
        (spec.training.device, spec.training.dtype)
        for spec in specs
        if overwrite or not RunDirectory(run_path(results, spec.name, spec.seed)).is_complete
    }
    unusual = sorted(pair for pair in wanted if pair[0] not in ("auto", "cpu") or pair[1] == "float16")
    if not unusual:
        return
    from reversal_cli.models.precision import choose_device, choose_dtype  # imports torch

    for device, dtype in unusual:
        choose_dtype(dtype, choose_device(device))
