"""Refuses a device or a precision that this machine lacks, before the first training."""

from collections.abc import Sequence
from pathlib import Path

from reversal_cli.runs.directory import RunDirectory, run_path
from reversal_cli.spec.experiment import ExperimentSpec


def refuse_missing_devices(specs: Sequence[ExperimentSpec], results: Path, overwrite: bool = False) -> None:
    """Raises ReversalError for a run whose device or precision cannot be used here; one that is trained is not
    checked, unless it is overwritten."""
    untrained = [
        spec for spec in specs if overwrite or not RunDirectory(run_path(results, spec.name, spec.seed)).is_trained
    ]
    wanted = {
        (spec.training.device, dtype)
        for spec in untrained
        for dtype in (spec.training.dtype, spec.evaluation.dtype or spec.training.dtype)
    }
    to_check = sorted(pair for pair in wanted if pair[0] not in ("auto", "cpu") or pair[1] == "float16")
    if not to_check:
        return
    import torch

    from reversal_cli.models.precision import choose_device, choose_dtype

    for device, dtype in to_check:
        # To choose a GPU takes some of its memory, and this process may train nothing itself.
        if device != "cuda" or not torch.cuda.is_available():
            choose_dtype(dtype, choose_device(device))
