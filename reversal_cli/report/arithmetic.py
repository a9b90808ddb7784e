"""The arithmetic of the runs in a table: rounding can change the accuracy of a small model by several points."""

from collections.abc import Iterable

from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Arithmetic


def arithmetic_label(training: Arithmetic | None) -> str:
    """A manifest's `training` section in words; empty for an untrained run.

    >>> arithmetic_label(Arithmetic(dtype="float32", device="cpu", threads=2, instructions="AVX2"))
    'float32, cpu, AVX2, 2 threads'
    """
    if training is None:
        return ""
    threads = f"{training.threads} thread{'s' if training.threads > 1 else ''}" if training.threads else None
    return ", ".join(filter(None, (training.dtype, training.device, training.instructions, threads)))


def arithmetic_notes(runs: Iterable[RunDirectory]) -> list[str]:
    """One line if the runs were trained with different arithmetic, with a run of each; else none."""
    first_run: dict[str, str] = {}
    for run in runs:
        manifest = run.manifest
        label = arithmetic_label(manifest.training)
        if label:
            first_run.setdefault(label, f"{manifest.spec.name} seed {manifest.spec.seed}")
    if len(first_run) < 2:
        return []
    labels = "; ".join(f"{label} ({run})" for label, run in first_run.items())
    return [
        f"trained with different arithmetic: {labels}: rounding alone can change a small model's accuracy by points"
    ]
