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
    """A line if the runs were trained with different arithmetic, and one if they were evaluated in different precision,
    each with a run as an example."""
    trained: dict[str, str] = {}
    evaluated: dict[str, str] = {}
    for run in runs:
        manifest = run.manifest
        name = f"{manifest.spec.name} seed {manifest.spec.seed}"
        if label := arithmetic_label(manifest.training):
            trained.setdefault(label, name)
        if manifest.evaluation is not None and manifest.evaluation.dtype:
            evaluated.setdefault(manifest.evaluation.dtype, name)
    rounding = "rounding alone can change a small model's accuracy by points"
    notes = []
    for how, examples in (
        ("trained with different arithmetic", trained),
        ("evaluated in different precision", evaluated),
    ):
        if len(examples) > 1:
            labels = "; ".join(f"{label} ({name})" for label, name in examples.items())
            notes.append(f"{how}: {labels}: {rounding}")
    return notes
