"""`reversal run`: all stages of an experiment."""

from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.commands.finetune import show_specs
from reversal_cli.commands.options import (
    RESULTS,
    AllowLeaks,
    Device,
    DryRun,
    Overwrite,
    Quiet,
    Require,
    Results,
    Set,
    refuse_ignored,
)
from reversal_cli.commands.pretrain import run_pretraining
from reversal_cli.commands.report import ReportOptions, show_report
from reversal_cli.console import Terminal


def run(
    file: Annotated[
        Path, typer.Argument(metavar="EXPERIMENT.toml", help="The experiment: what differs from the defaults.")
    ],
    out: Results = RESULTS,
    assignments: Set = None,
    device: Device = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    allow_leaks: AllowLeaks = False,
    require: Require = None,
    quiet: Quiet = False,
) -> None:
    """Run all stages of an experiment.

    Generates the dataset when it is absent, fine-tunes, evaluates and reports every run; what is complete is skipped.
    """
    from reversal_cli.report.requirements import parse_requirement
    from reversal_cli.spec.loading import flag_settings, is_pretraining, load_experiment

    terminal = Terminal(quiet)
    if is_pretraining(file):
        for flag, given in {"--require": require, "--allow-leaks": allow_leaks}.items():
            if given:
                refuse_ignored(flag, f"{file} makes a base model, which has no dataset and is not evaluated")
        target = None if out == RESULTS else out
        run_pretraining(file, target, device, assignments or [], dry_run, overwrite, terminal, as_json=False)
        return
    for text in require or []:
        # A typing mistake should not wait for the end of the training to be told.
        parse_requirement(text)
    settings = flag_settings({"--device": ("training.device", device)}, assignments or [])
    experiment = load_experiment(file, settings)
    if dry_run:
        show_specs((*experiment.baselines, *experiment.specs), out, terminal, as_json=False)
        return
    from reversal_cli.models.unused_options import refuse_idle
    from reversal_cli.pipeline import run_experiment

    refuse_idle(experiment.specs, out, overwrite)
    runs = run_experiment(experiment, out, terminal, overwrite, device, allow_leaks)
    folders = [done.path for done in runs]
    show_report(folders, out / experiment.name, terminal, ReportOptions(tables=True), require or [])
