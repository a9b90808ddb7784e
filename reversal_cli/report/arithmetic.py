"""The arithmetic of the runs in a table: another rounding can change a small model's accuracy by several points."""

from collections.abc import Iterable, Mapping
from typing import Any

from reversal_cli.runs.directory import RunDirectory


def arithmetic_label(training: Mapping[str, Any]) -> str:
    """A manifest's `training` section in words; empty for an untrained run.

    >>> arithmetic_label({"dtype": "float32", "device": "cpu", "threads": 2, "instructions": "AVX2"})
    'float32, cpu, AVX2, 2 threads'
    """
    parts = [training[key] for key in ("dtype", "device", "instructions") if training.get(key)]
    threads = training.get("threads")
    return ", ".join([*parts, f"{threads} thread{'s' if threads > 1 else ''}"] if threads else parts)


def arithmetic_notes(runs: Iterable[RunDirectory]) -> list[str]:
    """One line where the runs were trained with more than one arithmetic, with a run of each; else none."""
    first_run: dict[str, str] = {}
    for run in runs:
        manifest = run.manifest
        label = arithmetic_label(manifest.get("training", {}))
        if label:
            first_run.setdefault(label, f"{manifest['spec']['name']} seed {manifest['spec']['seed']}")
    if len(first_run) < 2:
        return []
    found = "; ".join(f"{label} ({run})" for label, run in first_run.items())
    return [f"trained with different arithmetic: {found}: rounding alone can change a small model's accuracy by points"]
