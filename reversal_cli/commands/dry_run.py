"""What `--dry-run` prints: the folder and the whole spec of each run, and for `reversal run` what it will take."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reversal_cli.console import Terminal

if TYPE_CHECKING:
    from reversal_cli.commands.outlook import Outlook
    from reversal_cli.spec.experiment import ExperimentSpec


def show_specs(
    specs: "Sequence[ExperimentSpec]",
    results: Path,
    terminal: Terminal,
    as_json: bool,
    outlook: "Outlook | None" = None,
) -> None:
    """Prints the folder and the whole spec of each run, as TOML that can be run again, or as JSON.

    outlook: what the runs will take, in comments of the TOML, or as fields of the JSON with the total on stderr.
    """
    from reversal_cli.runs.directory import run_path

    folders = [str(run_path(results, spec.name, spec.seed)) for spec in specs]
    if not as_json:
        terminal.write(_toml(specs, folders, outlook))
        return
    runs = [
        {"run": folder, "digest": spec.digest, "spec": spec.model_dump(mode="json")}
        for folder, spec in zip(folders, specs, strict=True)
    ]
    if outlook is not None:
        runs = [run | expected.content() for run, expected in zip(runs, outlook.runs, strict=True)]
    terminal.write(json.dumps(runs, indent=2))
    for line in outlook.total() if outlook is not None else ():
        terminal.say(line)


def _toml(specs: "Sequence[ExperimentSpec]", folders: Sequence[str], outlook: "Outlook | None") -> str:
    from reversal_cli.plain_text import visible
    from reversal_cli.spec.toml import write_spec

    texts = []
    for index, (spec, folder) in enumerate(zip(specs, folders, strict=True)):
        comments = [f"{folder} (digest {spec.digest})", *(outlook.runs[index].lines() if outlook is not None else ())]
        toml = write_spec(spec.model_dump(mode="json"), spec.objective.trains)
        texts.append("".join(f"# {visible(comment)}\n" for comment in comments) + toml)
    summary = "" if len(specs) == 1 else f"# {_summary(specs)}\n\n"
    total = "".join(f"# {visible(line)}\n" for line in outlook.total()) if outlook is not None else ""
    return summary + "\n".join([*texts, *([total] if total else [])])


def _summary(specs: "Sequence[ExperimentSpec]") -> str:
    """`6 runs: 4 trainings, 2 untrained`."""
    trainings = sum(spec.objective.trains for spec in specs)
    counts = {"training" if trainings == 1 else "trainings": trainings, "untrained": len(specs) - trainings}
    return f"{len(specs)} runs: {', '.join(f'{count} {word}' for word, count in counts.items() if count)}"
