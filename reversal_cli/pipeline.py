"""generate -> finetune -> eval -> report, in that order: the file to read first.

Each stage reads and writes files only, so any of them can be run alone, again, or after an interruption.
Heavy modules are imported where they are needed: a refusal should not wait for torch.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reversal_cli import manifest
from reversal_cli.console import Terminal, clock_time
from reversal_cli.data.base import Splits
from reversal_cli.data.wishes import refuse_missing_validation, refuse_other_options
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation_options import EvaluationOptions
from reversal_cli.naming import model_stem
from reversal_cli.run_directory import RunDirectory, find_runs, read_json, run_path
from reversal_cli.scoring import definitions
from reversal_cli.spec import DatasetSpec, ExperimentSpec
from reversal_cli.spec_loading import Experiment, spec_differences
from reversal_cli.storage import storage_errors

if TYPE_CHECKING:
    from reversal_cli.pretraining import PretrainSpec


def run_experiment(
    experiment: Experiment, results: Path, terminal: Terminal, overwrite: bool = False, device: str | None = None
) -> list[RunDirectory]:
    """Every stage of every run, untrained baselines first; what is complete already is skipped."""
    runs = []
    for spec in (*experiment.baselines, *experiment.specs):
        run = finetune(spec, results, terminal, overwrite)
        evaluate_run(run, terminal, EvaluationOptions(device=device))
        runs.append(run)
    return runs


def pretrain_base(spec: "PretrainSpec", out: Path, terminal: Terminal, overwrite: bool = False) -> dict[str, Any]:
    """What is written of a base model in `out`: made now, or found complete. Raises ReversalError if it is another."""
    from reversal_cli.pretraining import pretrain

    terminal.silence_libraries()
    made = out / "pretrain.json"
    if made.is_file() and not overwrite:
        differences = spec_differences(read_json(made).get("spec", {}), spec.model_dump(mode="json"))
        if differences:
            raise ReversalError(
                f"{out}: made with a different spec ({', '.join(differences)}); pass --out or --overwrite"
            )
        terminal.say(f"{out}: already complete (--overwrite makes it again)")
        return read_json(made)
    if out.exists() and not made.is_file() and any(out.iterdir()):
        raise ReversalError(f"{out}: holds other files; expected a new folder or a base model; choose another --out")
    with storage_errors(out), terminal.progress(f"pretrain {spec.name}", "step") as advance:
        content = pretrain(spec, out, advance)
    terminal.say(f"pretrain {spec.name}: done -> {out}")
    return content


def prepare_dataset(dataset: DatasetSpec, terminal: Terminal) -> Splits:
    """The benchmark in the spec's folder; the default one, or one whose options the spec gives, is generated if absent.

    Raises ReversalError for a mistyped path, and for a folder made with other options.
    """
    from reversal_cli.data.berglund import load_folder

    folder = Path(dataset.path)
    if not folder.exists():
        if dataset.generator is None and dataset.path != DatasetSpec().path:
            raise ReversalError(
                f"{folder}: no such folder; expected a dataset in the published layout; check the path, "
                f"or make one with `reversal generate --out {folder}`"
            )
        generate_dataset(dataset, terminal)
    elif dataset.generator is not None:
        refuse_other_options(folder, dataset.generator)
    return load_folder(folder)


def generate_dataset(dataset: DatasetSpec, terminal: Terminal) -> None:
    from reversal_cli.data.name_description import Options, generate

    options = dataset.generator or Options()
    try:
        generate(options, Path(dataset.path))
    except ReversalError:
        if not Path(dataset.path).is_dir():
            raise
        return  # another process has just made it
    terminal.say(f"{dataset.path}: was absent, generated it ({options.entities} entities in each of three groups)")


def finetune(spec: ExperimentSpec, results: Path, terminal: Terminal, overwrite: bool = False) -> RunDirectory:
    """The run of the spec with its weights complete: trained now, continued, or found complete.

    Raises ReversalError when the directory belongs to another spec or other data, or another process works there.
    overwrite: an older run goes when nothing is left that could be refused, before the first step.
    """
    run = RunDirectory(run_path(results, spec.name, spec.seed))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ReversalError("WORLD_SIZE: found several processes; expected one; run `reversal` without torchrun")
    splits = prepare_dataset(spec.dataset, terminal)
    if spec.training.eval_every is not None and spec.objective.name != "none":
        refuse_missing_validation(Path(spec.dataset.path), splits)
    with run.lock():
        if not overwrite:
            manifest.begin_run(run, spec, splits)
        elif spec.objective.name == "none":
            _begin_untrained_anew(run, spec, splits)
        if spec.objective.name == "none":
            return run
        if run.is_trained and not overwrite:
            run.remove_checkpoints()
            terminal.say(f"{run.path}: training is already complete (--overwrite trains again)")
            return run
        train_run(run, spec, splits, terminal, overwrite)
    return run


def _begin_untrained_anew(run: RunDirectory, spec: ExperimentSpec, splits: Splits) -> None:
    """Its checkpoint is loaded first: where that is refused, the older run stays."""
    from reversal_cli.models import load_for_evaluation

    if run.all_predictions_path.is_dir() or run.is_complete:
        load_for_evaluation(spec, run)
    manifest.begin_anew(run, spec, splits)


def train_run(run: RunDirectory, spec: ExperimentSpec, splits: Splits, terminal: Terminal, overwrite: bool) -> None:
    """Trains, continuing from a checkpoint if there is one (never with `overwrite`), and marks the run as trained."""
    from reversal_cli.training import train

    terminal.silence_libraries()
    label = f"finetune {_label(spec)}"
    continued = not overwrite and run.checkpoints_path.is_dir() and any(run.checkpoints_path.iterdir())
    if continued:
        terminal.say(f"{run.path}: was interrupted")

    def begin() -> None:
        if overwrite:
            manifest.begin_anew(run, spec, splits)

    with storage_errors(run.path), terminal.progress(label, "step") as advance:
        training = train(spec, splits, run, advance, lambda line: terminal.say(f"{label}: {line}"), begin)
    model = training.pop("model")
    manifest.end_training(run, training, model)
    run.remove_checkpoints()  # only now: without them an interruption before the manifest is written would lose all
    took = "" if continued else f" in {clock_time(training['wall_seconds'])}"
    terminal.say(f"{label}: {training['steps']} steps{took} -> {run.path}")


def evaluate_run(run: RunDirectory, terminal: Terminal, options: EvaluationOptions) -> dict[str, Any]:
    """The metrics of a run; its missing predictions are made first.

    A complete run is only read, unless something else is to be measured or a metric is defined anew: then what its
    predictions lack is added, and all are scored again. With `overwrite` everything is predicted again; what was there
    stays until the new evaluation is whole, and one that was interrupted continues.

    Raises ReversalError where the training is not complete or the dataset has changed since.
    """
    if not run.is_trained:
        raise ReversalError(
            f"{run.path}: its training is not complete; expected a trained run; run `reversal finetune` for it again"
        )
    if options.overwrite and options.partial:
        raise ReversalError("--overwrite: predicts everything again; leave out --subtask and --limit")
    spec = manifest.stored_spec(run)
    settings = options.applied_to(spec.evaluation)
    if run.is_complete and not (options.overwrite or options.partial):
        metrics = read_json(run.metrics_path)
        manifest.refuse_foreign_metrics(run, metrics)
        if (metrics.get("definitions"), metrics.get("evaluation")) == (definitions(), settings.model_dump(mode="json")):
            terminal.say(f"{run.path}: already evaluated (--overwrite predicts again)")
            return metrics
    splits = prepare_dataset(spec.dataset, terminal)
    manifest.refuse_other_data(run, spec, splits)
    spec = spec.model_copy(update={"evaluation": settings})
    with run.lock():
        if options.overwrite:
            _evaluate(run.overwriting, spec, splits, terminal, options)
            manifest.take_over(run)
            return read_json(run.metrics_path)
        manifest.take_over(run)
        return _evaluate(run, spec, splits, terminal, options)


def runs_to_evaluate(results: Path) -> list[RunDirectory]:
    """Every trained run below the results folder that has no metrics yet."""
    runs = find_runs([results]) if results.is_dir() else []
    if not runs:
        raise ReversalError(f"{results}: holds no run; expected at least one; run `reversal finetune` first")
    return [run for run in runs if run.is_trained and not run.is_complete]


def _evaluate(
    run: RunDirectory, spec: ExperimentSpec, splits: Splits, terminal: Terminal, options: EvaluationOptions
) -> dict[str, Any]:
    from reversal_cli.answering import answering
    from reversal_cli.evaluation import evaluate, prompts_to_come

    terminal.silence_libraries()
    model = answering(run, spec, splits, options.batch_size, options.device)
    if options.overwrite:
        model.load()  # before anything is predicted: what cannot be loaded is refused at once
    subtasks, limit = options.subtasks or None, options.limit
    total = prompts_to_come(splits, spec.evaluation, subtasks, limit)
    done: dict[str, int] = {}
    with terminal.progress(f"eval {_label(spec)}", "prompt") as advance:

        def on_progress(label: str, finished: int, _size: int) -> None:
            """One bar for everything, so that the time left is that of the whole evaluation."""
            done[label] = finished
            advance(sum(done.values()), total, subtask=label)

        return evaluate(
            run, model.complete, splits, spec.evaluation, subtasks, limit, on_progress, measure=model.measure
        )


def _label(spec: ExperimentSpec) -> str:
    objective = "untrained" if spec.objective.name == "none" else spec.objective.name
    return f"{model_stem(spec.model.name)} {objective}"
