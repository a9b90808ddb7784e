"""`reversal eval`: predictions and metrics of runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reversal_cli.commands.options import (
    DATASET,
    RESULTS,
    RUN,
    BatchSize,
    Device,
    Intervals,
    Json,
    Quiet,
    Results,
    refuse_unknown_device,
    refuse_unknown_dtype,
    refuse_unknown_intervals,
    refuse_without_effect,
)
from reversal_cli.console import Terminal, error_line
from reversal_cli.errors import ReversalError
from reversal_cli.processes.place import FSDP, place, shards_weights
from reversal_cli.spec.field_docs import field_help

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reversal_cli.evaluation.options import EvaluationOptions
    from reversal_cli.runs.directory import RunDirectory
    from reversal_cli.runs.records import Metrics


def evaluate(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN", help="Run folders.  [default: every trained run without metrics]"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Evaluate this preset, checkpoint folder or hub id without training it."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --model: branch, tag or commit of a hub id.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help=f"The dataset, or a copy of that of the runs.  [default: that of the run; with --model {DATASET}]",
        ),
    ] = None,
    subtask: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this subtask: N2D, D2N, N2D-reverse, D2N-reverse. Repeatable."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Only N prompts per subtask, spread over entities and templates."),
    ] = None,
    batch_size: BatchSize = None,
    device: Device = None,
    out: Results = RESULTS,
    likelihood: Annotated[
        bool | None,
        typer.Option("--likelihood/--no-likelihood", help=field_help("evaluation.likelihood", RUN)),
    ] = None,
    controls: Annotated[
        bool | None,
        typer.Option("--controls/--no-controls", help=field_help("evaluation.controls", RUN)),
    ] = None,
    retention: Annotated[
        bool | None,
        typer.Option("--retention/--no-retention", help=field_help("evaluation.retention", RUN)),
    ] = None,
    retention_text: Annotated[
        str | None, typer.Option(metavar="FILE", help="As --retention, on the texts of this file, one per line.")
    ] = None,
    intervals: Intervals = None,
    dtype: Annotated[
        str | None, typer.Option(metavar="NAME", help=field_help("evaluation.dtype", "that of the training"))
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Predict and score again.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Evaluate runs, or a checkpoint without training it."""
    from reversal_cli.data.base import select_subtasks
    from reversal_cli.evaluation.options import EvaluationOptions

    select_subtasks(subtask)  # a mistake is found before a folder is made
    if shards_weights():
        raise ReversalError(
            f"{FSDP}: found true for `reversal eval`; expected whole weights in each process; start it without "
            "--use_fsdp"
        )
    if runs and out != RESULTS:
        refuse_without_effect("--out", "the runs are named, and the results of each go into its own folder")
    if controls and (subtask or limit is not None):
        refuse_without_effect("--controls", "controls are left out with --subtask or --limit")
    if retention_text is not None and retention is not None:
        refuse_without_effect(f"--{'' if retention else 'no-'}retention", "--retention-text names what is measured on")
    retained = retention if retention_text is None else retention_text
    if retained and (subtask or limit is not None):
        refuse_without_effect("--retention", "retention is left out with --subtask or --limit")
    terminal = Terminal(quiet)
    refuse_unknown_intervals(intervals)
    refuse_unknown_device(device)
    refuse_unknown_dtype(dtype)
    options = EvaluationOptions(
        batch_size,
        tuple(subtask or ()),
        limit,
        device,
        overwrite,
        likelihood,
        controls,
        retained,
        intervals,
        dtype,
        data,
    )
    if model is not None:
        if runs:
            raise ReversalError("--model: evaluates a checkpoint without training it; name either runs or a model")
        directories = [begin_untrained(model, revision, data, out, terminal, retained)]
    elif revision is not None:
        refuse_without_effect("--revision", "it belongs to --model; a run has its own model")
    else:
        directories = choose_runs(runs, out, terminal)
    evaluate_all(directories, options, terminal, as_json)


def choose_runs(folders: list[Path] | None, results: Path, terminal: Terminal) -> "list[RunDirectory]":
    """The runs in the folders, or every trained run of the results folder without metrics."""
    from reversal_cli.runs.find import find_runs

    if folders:
        directories = find_runs(folders)
        if not directories:
            raise ReversalError(f"{folders[0]}: holds no run; expected a folder with a manifest.json; check the path")
        return directories
    directories = find_runs([results]) if results.exists() else []
    if not directories:
        raise ReversalError(f"{results}: holds no run; expected at least one; run `reversal finetune` first")
    waiting = [run for run in directories if run.is_trained and not run.is_complete]
    if not waiting:
        terminal.say(f"{results}: every trained run is evaluated already; name a run to evaluate it again")
    return waiting


def evaluate_all(
    runs: "Sequence[RunDirectory]", options: "EvaluationOptions", terminal: Terminal, as_json: bool
) -> None:
    """Evaluates and prints each run, then prints the errors; the last error is raised."""
    from reversal_cli.pipeline import evaluate_run

    results, errors = [], []
    for run in runs:
        try:
            results.append((run, evaluate_run(run, terminal, options)))
        except ReversalError as error:
            if place().processes > 1:
                raise  # the other processes may be waiting for this one
            errors.append(error)  # the other runs are evaluated all the same
    if as_json:
        terminal.write(json.dumps([{"run": str(run.path), **metrics.content()} for run, metrics in results], indent=2))
    else:
        for run, metrics in results:
            terminal.show(one_line(run, metrics))
    for other in errors[:-1]:
        error_line(str(other))
    if errors:
        raise errors[-1]


def begin_untrained(
    model: str,
    revision: str | None,
    data: str | None,
    results: Path,
    terminal: Terminal,
    retention: bool | str | None = None,
) -> "RunDirectory":
    """The run of a checkpoint that is not trained: RESULTS/<model>-untrained/seed-0.

    Leaks of its dataset are allowed, since they cannot reach its weights. Raises ReversalError for a checkpoint without
    a config.json, and for one without texts for its retention, before a dataset is generated or a run folder made.
    """
    from reversal_cli.evaluation.retention import retention_texts
    from reversal_cli.models.checkpoint import family_of
    from reversal_cli.pipeline import finetune, prepare_datasets
    from reversal_cli.spec.loading import Setting, flag_settings, load_experiment

    flags = {
        "--model": ("model.name", model),
        "--revision": ("model.revision", revision),
        "--data": ("dataset.path", data),
    }
    settings = [*flag_settings(flags, []), Setting("objective.name", "none", "--model")]
    specs = load_experiment(None, settings).specs
    family_of(specs[0].model)
    if retention:
        retention_texts(specs[0].model, retention)
    benchmarks = prepare_datasets(specs, terminal, allow_leaks=True)
    return finetune(specs[0], results, terminal, benchmarks.of(specs[0]))


def one_line(run: "RunDirectory", metrics: "Metrics") -> str:
    """`results/x/seed-0: N2D 45.0, D2N 98.0, ... percent (contains)`, in the order of the tables."""
    from reversal_cli.data.base import SUBTASKS
    from reversal_cli.report.tables import DEFAULT_METRIC, percent

    names = [name for name in SUBTASKS if name in metrics.subtasks]
    cells = [f"{name} {percent(metrics.subtasks[name].metrics[DEFAULT_METRIC].mean)}" for name in names]
    note = "" if metrics.complete else "; partial, metrics.json not written"
    loss = f", retention {metrics.retention.loss:.3f} nats per token" if metrics.retention else ""
    return f"{run.path}: {', '.join(cells)} percent ({DEFAULT_METRIC}{note}){loss}"
