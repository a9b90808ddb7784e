"""`reversal finetune`: train every run of an experiment."""

import json
from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.commands.dry_run import show_specs
from reversal_cli.commands.options import (
    PRESET,
    RESULTS,
    AllowLeaks,
    Device,
    DryRun,
    Json,
    Overwrite,
    Quiet,
    ReportTo,
    Results,
    Seeds,
    Set,
    refuse_folder,
    refuse_without_effect,
    seed_list,
)
from reversal_cli.console import Terminal
from reversal_cli.spec.field_docs import choices_help, field_help

OBJECTIVE_HELP = f"{choices_help('objectives', 'none (untrained baseline)')}.  [default: ntp]"
TRANSFORM_HELP = f"What is done to the training rows: {choices_help('transforms')}.  [default: none]"


def finetune(
    file: Annotated[
        Path | None, typer.Argument(metavar="EXPERIMENT.toml", help="What differs from the defaults; flags win.")
    ] = None,
    objective: Annotated[str | None, typer.Option(metavar="NAME", help=OBJECTIVE_HELP)] = None,
    transform: Annotated[str | None, typer.Option(metavar="NAME", help=TRANSFORM_HELP)] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help=field_help("model.name"))] = None,
    revision: Annotated[str | None, typer.Option(metavar="NAME", help=field_help("model.revision"))] = None,
    data: Annotated[str | None, typer.Option(metavar="FOLDER", help=field_help("dataset.path"))] = None,
    init: Annotated[str | None, typer.Option(metavar="HOW", help=field_help("model.init"))] = None,
    lora: Annotated[bool | None, typer.Option("--lora/--full", help=field_help("training.tuning", PRESET))] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help=field_help("training.epochs", PRESET))] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", help=field_help("training.batch_size", PRESET))] = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", help=field_help("training.learning_rate", PRESET))
    ] = None,
    eval_every: Annotated[int | None, typer.Option(metavar="N", help=field_help("training.eval_every"))] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help=field_help("training.dtype"))] = None,
    device: Device = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help=field_help("seed"))] = None,
    seeds: Seeds = None,
    report_to: ReportTo = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help=field_help("name", "the file's name, or MODEL-OBJECTIVE"))
    ] = None,
    out: Results = RESULTS,
    assignments: Set = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    allow_leaks: AllowLeaks = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fine-tune a model; the run goes to RESULTS/<name>/seed-<n>/."""
    from reversal_cli.spec.loading import flag_settings, load_experiment

    refuse_folder(file, "--data ")
    flags = {
        "--name": ("name", name),
        "--seed": ("seed", seed),
        "--objective": ("objective.name", objective),
        "--transform": ("transform.name", transform),
        "--model": ("model.name", model),
        "--revision": ("model.revision", revision),
        "--init": ("model.init", init),
        "--data": ("dataset.path", data),
        "--lora" if lora else "--full": ("training.tuning", {True: "lora", False: "full", None: None}[lora]),
        "--epochs": ("training.epochs", epochs),
        "--batch-size": ("training.batch_size", batch_size),
        "--learning-rate": ("training.learning_rate", learning_rate),
        "--eval-every": ("training.eval_every", eval_every),
        "--dtype": ("training.dtype", dtype),
        "--device": ("training.device", device),
        "--seeds": ("grid.seed", seed_list(seeds)),
        "--report-to": ("training.report_to", report_to),
    }
    settings = flag_settings(flags, assignments or [])
    if any(setting.key == "baseline" for setting in settings):
        refuse_without_effect("--set baseline", "only `reversal run` adds baselines")
    experiment = load_experiment(file, settings)
    terminal = Terminal(quiet)
    for note in experiment.notes:
        terminal.say(f"note: {note}")
    if dry_run:
        show_specs(experiment.specs, out, terminal, as_json)
        return
    from reversal_cli.models.chat import refuse_missing_templates
    from reversal_cli.models.devices import refuse_missing_devices
    from reversal_cli.models.unused_options import refuse_unused
    from reversal_cli.pipeline import finetune as finetune_run
    from reversal_cli.pipeline import prepare_datasets
    from reversal_cli.training.trackers import refuse_missing_tracker

    refuse_missing_tracker(experiment.specs)
    refuse_unused(experiment.specs, out, overwrite)
    refuse_missing_templates(experiment.specs, out, overwrite)
    refuse_missing_devices(experiment.specs, out, overwrite)
    benchmarks = prepare_datasets(experiment.specs, terminal, allow_leaks)
    runs = [finetune_run(spec, out, terminal, benchmarks.of(spec), overwrite) for spec in experiment.specs]
    if as_json:
        terminal.write(
            json.dumps([{"run": str(run.path), **run.manifest.content()} for run in runs], indent=2, sort_keys=True)
        )
