"""Options that several commands share. Typer only: `reversal --help` must not wait for anything else."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.spec.field_docs import field_docs, field_help
from reversal_cli.statistics.interval_units import UNITS

RESULTS = Path("results")
DATASET = Path(field_docs("dataset")["path"].default)
PRESET = "the preset's"
RUN = "as in the run"


def no_file(path: Path | None) -> Path | None:
    """The value of --out. Raises ReversalError for a file: what is written goes into a folder."""
    if path is not None and path.is_file():
        raise ReversalError(f"{path}: is a file; expected a folder; choose another --out")
    return path


Results = Annotated[Path, typer.Option("--out", metavar="FOLDER", callback=no_file, help="Results folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier command wrote there.")]
AllowLeaks = Annotated[
    bool,
    typer.Option(
        "--allow-leaks",
        help="Continue although test prompts or reversed facts are in the training data; the tables say so.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only (and the JSON of --json).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Set any option of the spec, as in the TOML file: --set training.weight_decay=0.1. Repeatable.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the whole spec and its folder, and stop.")]
Device = Annotated[str | None, typer.Option(metavar="NAME", help=field_help("training.device"))]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N,N,...", help="One run for each seed, such as 0,1,2.")]
ReportTo = Annotated[str | None, typer.Option(metavar="NAME", help=field_help("training.report_to"))]
BatchSize = Annotated[int | None, typer.Option(min=1, metavar="N", help=field_help("evaluation.batch_size", RUN))]
Intervals = Annotated[str | None, typer.Option(metavar="NAME", help=field_help("evaluation.intervals", RUN))]
Require = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT",
        help="A condition on percent accuracy, such as 'bico: N2D-reverse >= 60'; exit 1 if it fails. Repeatable.",
    ),
]


def seed_list(text: str | None) -> list[int] | None:
    """The seeds of --seeds. Raises ReversalError for anything but whole numbers between commas.

    >>> seed_list("0,1, 2")
    [0, 1, 2]
    """
    if text is None:
        return None
    seeds = [part.strip() for part in text.split(",")]
    if not all(seed.isascii() and seed.isdecimal() for seed in seeds):
        raise ReversalError(f"--seeds: found '{text}'; expected whole numbers between commas, such as 0,1,2")
    return [int(seed) for seed in seeds]


def refuse_folder(file: Path | None, option: str) -> None:
    """Raises ReversalError for a folder, most likely a dataset, in place of an experiment file."""
    if file is not None and file.is_dir():
        raise ReversalError(
            f"{file}: found a folder; expected an experiment in TOML; if it is a dataset, pass `{option}{file}`"
        )


def refuse_unknown_format(form: str, formats: Collection[str]) -> None:
    """Raises ReversalError for a format that is not in `formats`."""
    if form == "markdown":
        raise ReversalError(f"--format: unknown format '{form}'; did you mean 'md'? ({', '.join(sorted(formats))})")
    if form not in formats:
        raise unknown_name("--format", "format", form, formats)


def refuse_without_effect(flag: str, why: str) -> None:
    """Raises ReversalError for a flag that changes nothing beside the others."""
    raise ReversalError(f"{flag}: has no effect here: {why}; remove it")


def refuse_unknown_device(device: str | None) -> None:
    """Raises ReversalError for a name that no machine has as a device."""
    from reversal_cli.spec.experiment import TrainingSpec
    from reversal_cli.spec.validation import Setting, validate

    if device is not None:
        validate(TrainingSpec, [Setting("device", device, "--device")])


def refuse_unknown_dtype(dtype: str | None) -> None:
    """Raises ReversalError for a precision that an evaluation does not have."""
    from reversal_cli.spec.experiment import EvaluationSpec
    from reversal_cli.spec.validation import Setting, validate

    if dtype is not None:
        validate(EvaluationSpec, [Setting("dtype", dtype, "--dtype")])


def refuse_unknown_intervals(intervals: str | None) -> None:
    """Raises ReversalError for a name that is not in `UNITS`."""
    if intervals is not None and intervals not in UNITS:
        raise unknown_name("--intervals", "unit", intervals, UNITS)
