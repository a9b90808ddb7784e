"""generate -> finetune -> eval -> report, in that order: the file to read first.

Each stage reads and writes files only, so any of them can be run alone, again, or after an interruption.
Heavy modules are imported inside the functions that need them: an error message should not wait for torch.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reversal_cli.benchmark import Benchmark, Benchmarks, find_allowed_leaks, prepare_dataset
from reversal_cli.console import Terminal
from reversal_cli.data.audit.leaks import Leak
from reversal_cli.data.base import Splits
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.options import EvaluationOptions
from reversal_cli.evaluation.rescoring import why_metrics_stay
from reversal_cli.evaluation.retention import check_retention, has_other_texts
from reversal_cli.files.folders import refuse_current_folder
from reversal_cli.files.shapes import read_shape
from reversal_cli.files.storage import storage_errors
from reversal_cli.processes.place import refuse_small_batch
from reversal_cli.processes.together import from_first
from reversal_cli.progress import LOADING, clock_time, sum_of_parts
from reversal_cli.runs import manifest
from reversal_cli.runs.directory import RunDirectory, run_path
from reversal_cli.runs.records import BaseModelRecord, Metrics
from reversal_cli.schedule import clock_of, resources_of, warn_of_long_warmup
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import DatasetSpec, ExperimentSpec
from reversal_cli.spec.loading import Experiment
from reversal_cli.spec.names import model_stem
from reversal_cli.workers.executor import Executor
from reversal_cli.workers.job import Job
from reversal_cli.workers.overwriting import overwriting_once

if TYPE_CHECKING:
    from reversal_cli.spec.pretraining import PretrainSpec


def run_experiment(
    experiment: Experiment,
    results: Path,
    terminal: Terminal,
    executor: Executor,
    overwrite: bool = False,
    device: str | None = None,
    allow_leaks: bool = False,
) -> list[RunDirectory]:
    """Every stage of every run, untrained baselines first, by the executor; skips what is complete."""
    specs = (*experiment.baselines, *experiment.specs)
    resources = [resources_of(spec) for spec in specs]
    at_a_time = executor.at_a_time(resources)  # first: it refuses what no machine has
    benchmarks = prepare_datasets(specs, terminal, allow_leaks)
    runs = [RunDirectory(run_path(results, spec.name, spec.seed)) for spec in specs]
    done = [run.is_complete and not overwrite for run in runs]
    clock = clock_of(specs, done, at_a_time)
    stages = partial(_all_stages, results=results, device=device)
    works = [partial(stages, spec, benchmarks.of(spec)) for spec in specs]
    works = [overwriting_once(work, run.manifest_path, overwrite) for work, run in zip(works, runs, strict=True)]
    executor.run([Job(*job) for job in zip(works, resources, strict=True)], clock, terminal)
    if not all(done):
        terminal.say(clock.total())
    return runs


def _all_stages(
    spec: ExperimentSpec, benchmark: Benchmark, terminal: Terminal, results: Path, overwrite: bool, device: str | None
) -> None:
    evaluate_run(finetune(spec, results, terminal, benchmark, overwrite), terminal, EvaluationOptions(device=device))


def prepare_datasets(specs: Sequence[ExperimentSpec], terminal: Terminal, allow_leaks: bool) -> Benchmarks:
    """The datasets of all runs, generated if absent, read and checked for leaks.

    Raises ReversalError if any dataset or retention text does not fit its run, before the first run begins.
    """
    for spec in specs:
        if spec.objective.trains:
            refuse_small_batch(spec.training.batch_size)
    check_retention(specs)
    benchmarks = Benchmarks(terminal, allow_leaks)
    for spec in specs:
        benchmarks.of(spec)
    return benchmarks


def pretrain_base(spec: "PretrainSpec", out: Path, terminal: Terminal, overwrite: bool = False) -> BaseModelRecord:
    """Contents of pretrain.json in `out`, building the base if absent; raises ReversalError if its spec differs."""
    from reversal_cli.training.pretrain import pretrain

    terminal.silence_libraries()
    path = out / "pretrain.json"
    if path.is_file() and not overwrite:
        remedy = "make the base model again with --overwrite"
        stored = read_shape(path, BaseModelRecord, remedy)
        changed = spec_differences(stored.spec, spec.model_dump(mode="json"))
        if changed:
            raise ReversalError(f"{out}: made with a different spec ({', '.join(changed)}); pass --out or --overwrite")
        terminal.say(f"{out}: already complete (--overwrite makes it again)")
        return stored
    refuse_current_folder(out)
    if out.exists() and not path.is_file() and any(out.iterdir()):
        raise ReversalError(f"{out}: holds other files; expected a new folder or a base model; choose another --out")
    with storage_errors(out), terminal.progress(f"pretrain {spec.name}", "step") as advance:
        record = pretrain(spec, out, advance)
    terminal.say(f"pretrain {spec.name}: done -> {out}")
    return record


def finetune(
    spec: ExperimentSpec, results: Path, terminal: Terminal, benchmark: Benchmark, overwrite: bool = False
) -> RunDirectory:
    """The run of the spec with complete weights: trains, or continues an interrupted training, unless it is trained.

    overwrite: removes an older run just before the first step, after every check.
    Raises ReversalError if the folder holds a run of another spec or other data, or if another process works there.
    """
    run = RunDirectory(run_path(results, spec.name, spec.seed))
    splits, leaks = benchmark
    with run.lock():
        if not overwrite:
            from_first(lambda: manifest.begin_run(run, spec, splits, leaks))
        elif not spec.objective.trains:
            from_first(lambda: _begin_untrained_anew(run, spec, benchmark, terminal))
        if not spec.objective.trains:
            return run
        if not overwrite and from_first(lambda: run.is_trained):
            from_first(run.remove_checkpoints)
            terminal.say(f"{run.path}: training is already complete (--overwrite trains again)")
            return run
        train_run(run, spec, splits, terminal, leaks if overwrite else None)
    return run


def _begin_untrained_anew(run: RunDirectory, spec: ExperimentSpec, benchmark: Benchmark, terminal: Terminal) -> None:
    """Begins the run again. Loads its checkpoint first: if that fails, the older run stays."""
    from reversal_cli.models.loading import load_for_evaluation

    if run.all_predictions_path.is_dir() or run.is_complete:
        terminal.silence_libraries()
        load_for_evaluation(spec, run)
    manifest.begin_anew(run, spec, *benchmark)


def train_run(
    run: RunDirectory,
    spec: ExperimentSpec,
    splits: Splits,
    terminal: Terminal,
    overwrite: Sequence[Leak] | None = None,
) -> None:
    """Trains, continuing from a checkpoint if there is one, and marks the run as trained.

    overwrite: None continues the run; leaks of the dataset begin it again, with these in its manifest.
    """
    from reversal_cli.training.finetune import train

    terminal.silence_libraries()
    label = f"finetune {_label(spec)}"
    continued = overwrite is None and from_first(lambda: any(run.checkpoints_path.glob("*")))
    if continued:
        terminal.say(f"{run.path}: was interrupted")

    def begin(rows: int) -> None:
        warn_of_long_warmup(spec.shortened_training, rows, terminal)
        if overwrite is not None:
            from_first(lambda: manifest.begin_anew(run, spec, splits, overwrite))

    with storage_errors(run.path), terminal.progress(label, "step") as advance:
        result = train(spec, splits, run, advance, lambda line: terminal.say(f"{label}: {line}"), begin, terminal.warn)
    from_first(lambda: manifest.end_training(run, result.facts, result.model))
    from_first(run.remove_checkpoints)  # not before the manifest is written: an interruption would lose the training
    duration = "" if continued else f" in {clock_time(result.facts.wall_seconds or 0)}"
    terminal.say(f"{label}: {result.facts.steps} steps{duration} -> {run.path}")


def evaluate_run(run: RunDirectory, terminal: Terminal, options: EvaluationOptions) -> Metrics:
    """The metrics of a run, after generating the predictions it lacks.

    A complete run is only read, unless the settings or the definition of a metric have changed: then missing
    measurements are added and all predictions are scored again, if there are any. With `overwrite` everything is
    predicted again; the old predictions stay until the new evaluation is complete. An interrupted evaluation
    continues.

    Raises ReversalError if the training is not complete or the dataset has changed since.
    """
    if not run.is_trained:
        raise ReversalError(
            f"{run.path}: its training is not complete; expected a trained run; run `reversal finetune` for it again"
        )
    if options.overwrite and options.partial:
        raise ReversalError("--overwrite: predicts everything again; leave out --subtask and --limit")
    spec = manifest.stored_spec(run)
    last = manifest.last_settings(run, spec)
    settings = options.applied_to(last, manifest.predicted_in(run))
    dataset = DatasetSpec(path=options.data) if options.data else spec.dataset
    splits = _splits_of(run, dataset, terminal) if options.data else None
    if run.is_complete and not (options.overwrite or options.partial):
        metrics = run.metrics
        manifest.refuse_foreign_metrics(run, metrics)
        same = settings == last and not has_other_texts(run, settings.retention)
        if same and (reason := why_metrics_stay(run, metrics)):
            terminal.say(f"{run.path}: {reason}")
            return metrics
    splits = splits or _splits_of(run, dataset, terminal)
    check_retention([spec := spec.model_copy(update={"evaluation": settings})])
    with run.lock():
        if not from_first(lambda: manifest.lists_leaks(run)):
            leaks = find_allowed_leaks(dataset, splits, terminal, allow_leaks=True)
            from_first(lambda: manifest.add_leaks(run, leaks))
        if options.overwrite:
            _evaluate(run.overwriting, spec, splits, terminal, options)
            from_first(lambda: manifest.take_over(run))
            return run.metrics
        from_first(lambda: manifest.take_over(run))
        return _evaluate(run, spec, splits, terminal, options)


def _splits_of(run: RunDirectory, dataset: DatasetSpec, terminal: Terminal) -> Splits:
    """The dataset to evaluate a run on. Raises ReversalError for another than that of the run."""
    splits = prepare_dataset(dataset, terminal)
    manifest.refuse_other_data(run, dataset, splits, "name a copy of the run's dataset, or restore it")
    return splits


def _evaluate(
    run: RunDirectory, spec: ExperimentSpec, splits: Splits, terminal: Terminal, options: EvaluationOptions
) -> Metrics:
    from reversal_cli.evaluation.evaluate import count_prompts, evaluate
    from reversal_cli.evaluation.run_model import RunModel

    terminal.silence_libraries()
    subtasks, limit = options.subtasks or None, options.limit
    totals = count_prompts(splits, spec.evaluation, subtasks, limit)
    with terminal.progress(f"eval {_label(spec)}", "prompt") as advance:
        model = RunModel(run, spec, splits, options, lambda: advance(0, stage=LOADING), terminal.say, terminal.warn)
        if options.overwrite:
            model.load()  # first, so that a model that cannot be loaded fails at once
        rest = (sum_of_parts(advance, totals), model.measure, model.announce, model.retain)
        return evaluate(run, model.complete, splits, spec.evaluation, subtasks, limit, *rest)


def _label(spec: ExperimentSpec) -> str:
    return f"{model_stem(spec.model.name)} {spec.method}"
