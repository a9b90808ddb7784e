"""`reversal run`: all stages of an experiment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reversal_cli.commands.dry_run import show_specs
from reversal_cli.commands.executors import Address, ExecutorFlags, ExecutorName, Workers
from reversal_cli.commands.options import (
    RESULTS,
    AllowLeaks,
    Device,
    Overwrite,
    Quiet,
    ReportTo,
    Require,
    Results,
    Seeds,
    Set,
    refuse_folder,
    refuse_without_effect,
    seed_list,
)
from reversal_cli.commands.pretrain import run_pretraining
from reversal_cli.commands.report import ReportOptions, show_report
from reversal_cli.console import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reversal_cli.spec.experiment import ExperimentSpec

Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        metavar="K/N",
        help="Make the K-th of N shares of the runs, so that N machines share an experiment; "
        "`reversal report` reads them all.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the whole spec of each run and its folder, estimate its time and memory from what `reversal bench` "
        "has measured here, and stop.",
    ),
]
DryRunJson = Annotated[bool, typer.Option("--json", help="With --dry-run: print the specs and estimates as JSON.")]


def run(
    file: Annotated[
        Path, typer.Argument(metavar="EXPERIMENT.toml", help="The experiment: what differs from the defaults.")
    ],
    out: Results = RESULTS,
    assignments: Set = None,
    seeds: Seeds = None,
    device: Device = None,
    report_to: ReportTo = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    allow_leaks: AllowLeaks = False,
    require: Require = None,
    executor: ExecutorName = "local",
    workers: Workers = 1,
    address: Address = None,
    only: Only = None,
    quiet: Quiet = False,
    as_json: DryRunJson = False,
) -> None:
    """Run all stages of an experiment.

    Generates the dataset if it is absent, fine-tunes, evaluates and reports every run; skips what is complete.
    """
    from reversal_cli.spec.loading import flag_settings, is_pretraining, load_experiment
    from reversal_cli.spec.share import parse_share

    if as_json and not dry_run:
        refuse_without_effect("--json", "it belongs to --dry-run; results: `reversal report --format json`")
    refuse_folder(file, "--set dataset.path=")
    flags_of_executor = ExecutorFlags(executor, workers, address)
    flags_of_executor.check()
    terminal = Terminal(quiet)
    if is_pretraining(file):
        others = {
            "--require": require,
            "--allow-leaks": allow_leaks,
            "--seeds": seeds,
            "--report-to": report_to,
            "--executor": executor != "local",
            "--workers": workers > 1,
            "--only": only,
        }
        for flag, value in others.items():
            if value:
                refuse_without_effect(flag, f"{file} makes a base model, which is neither fine-tuned nor evaluated")
        target = None if out == RESULTS else out
        run_pretraining(file, target, device, assignments or [], dry_run, overwrite, terminal, as_json)
        return
    flags = {
        "--seeds": ("grid.seed", seed_list(seeds)),
        "--device": ("training.device", device),
        "--report-to": ("training.report_to", report_to),
    }
    settings = flag_settings(flags, assignments or [])
    experiment = load_experiment(file, settings)
    if only is not None:
        experiment = parse_share(only).of(experiment)
    specs = (*experiment.baselines, *experiment.specs)
    for note in (*experiment.notes, *flags_of_executor.notes(specs, dry_run)):
        terminal.say(f"note: {note}")
    check_requirements(require or [], specs, terminal)
    from reversal_cli.commands.outlook import look_ahead, say_estimate

    if dry_run:
        show_specs(specs, out, terminal, as_json, look_ahead(specs, out, overwrite, workers, terminal))
        return
    from reversal_cli.models.chat import refuse_missing_templates
    from reversal_cli.models.devices import refuse_missing_devices
    from reversal_cli.models.unused_options import refuse_unused
    from reversal_cli.pipeline import run_experiment
    from reversal_cli.training.trackers import refuse_missing_tracker

    refuse_missing_tracker(experiment.specs)
    refuse_unused(experiment.specs, out, overwrite)
    refuse_missing_templates(experiment.specs, out, overwrite)
    if executor == "local":
        refuse_missing_devices(specs, out, overwrite)
        say_estimate(specs, out, overwrite, workers, terminal)
    with flags_of_executor.executor(out) as chosen:
        runs = run_experiment(experiment, out, terminal, chosen, overwrite, device, allow_leaks)
    folders = [directory.path for directory in runs]
    whole = only is None  # else other machines would write the same tables, each from what it finds
    show_report(folders, out / experiment.name, terminal, ReportOptions(tables=whole), require or [])
    if not whole:
        terminal.say(f"share {only} is complete; the tables of all: `reversal report {out}`")


def check_requirements(texts: "Sequence[str]", specs: "Sequence[ExperimentSpec]", terminal: Terminal) -> None:
    """Raises ReversalError for a mistake in a requirement before the training, not after it."""
    from reversal_cli.report.requirements import parse_requirement, refuse_absent_names

    if not texts:
        return  # the report imports pandas
    names = {name for spec in specs for name in (spec.objective.name, spec.name, spec.model.name)}
    refuse_absent_names([parse_requirement(text, terminal.warn) for text in texts], names)
