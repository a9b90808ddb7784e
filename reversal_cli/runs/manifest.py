"""Writing manifest.json stage by stage, and checks that a run folder belongs to a spec and a dataset."""

import shlex
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from reversal_cli.data.audit.leaks import Leak
from reversal_cli.data.base import Splits
from reversal_cli.errors import ReversalError, first_of
from reversal_cli.files.shapes import read_shape
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.provenance import provenance, timestamp
from reversal_cli.runs.records import (
    Arithmetic,
    Manifest,
    Metrics,
    StoredDataset,
    StoredLeak,
    StoredSpec,
    TrainingFacts,
)
from reversal_cli.runs.remedies import evaluate_again
from reversal_cli.runs.weights import weights_digests
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import DatasetSpec, EvaluationSpec, ExperimentSpec

DIFFERENCES_SHOWN = 4
NOT_RECORDED = "not recorded"
"""The precision of predictions whose manifest, of an earlier version, does not say it."""


def begin_run(run: RunDirectory, spec: ExperimentSpec, splits: Splits, leaks: Sequence[Leak] = ()) -> None:
    """Writes the manifest of a new run, with the leaks of its dataset; keeps that of an existing run of the spec.

    Raises ReversalError if the folder holds work of another spec or on other data.
    """
    if run.manifest_path.is_file() and _has_work(run):
        refuse_other_spec(run, spec)
        refuse_other_data(run, spec.dataset, splits)
        return
    if not run.manifest_path.is_file() and _has_work(run):
        raise ReversalError(
            f"{run.path}: holds the files of a run but no manifest.json; expected both or neither; "
            "restore it, rename the experiment or pass --overwrite"
        )
    run.clear()
    manifest = Manifest(
        spec=StoredSpec.model_validate(spec.model_dump(mode="json")),
        digest=spec.digest,
        dataset=StoredDataset(path=spec.dataset.path, sha256=splits.sha256, leaks=_stored(leaks)),
        provenance=provenance().content(),
    )
    if not spec.objective.trains:
        # Nothing to train: the run can be evaluated at once.
        manifest = manifest.model_copy(update={"training": TrainingFacts()})
    run.write_manifest(manifest)


def begin_anew(run: RunDirectory, spec: ExperimentSpec, splits: Splits, leaks: Sequence[Leak] = ()) -> None:
    """Removes the files of the run and begins it again; to be called after every check."""
    run.clear()
    begin_run(run, spec, splits, leaks)


def end_training(run: RunDirectory, training: TrainingFacts, model: dict[str, Any]) -> None:
    """Records that the weights are complete, with their hashes; to be called when they are written."""
    facts = training.model_copy(update={"weights": weights_digests(run), "finished": timestamp()})
    run.write_manifest(run.manifest.model_copy(update={"training": facts, "model": model}))


def lists_leaks(run: RunDirectory) -> bool:
    """Whether the manifest lists the leaks of the dataset; earlier versions did not look for them."""
    return "leaks" in run.manifest.dataset.model_fields_set


def add_leaks(run: RunDirectory, leaks: Sequence[Leak]) -> None:
    """Adds the leaks of the dataset to a manifest that does not list them."""
    manifest = run.manifest
    dataset = manifest.dataset.model_copy(update={"leaks": _stored(leaks)})
    run.write_manifest(manifest.model_copy(update={"dataset": dataset}))


def add_model(run: RunDirectory, model: dict[str, Any]) -> None:
    """Adds the identity of the checkpoint of an untrained run, known once it is loaded.

    Raises ReversalError if it is not the checkpoint that was trained; not after full training, which replaces it.
    """
    manifest = run.manifest
    expected, spec = manifest.model, manifest.spec
    replaces_checkpoint = spec.training.tuning == "full" and spec.objective.trains
    if expected is None:
        run.write_manifest(manifest.model_copy(update={"model": model}))
    elif model != expected and not replaces_checkpoint:
        changed = ", ".join(sorted(key for key in {*expected, *model} if expected.get(key) != model.get(key)))
        raise ReversalError(
            f"{run.path}: the checkpoint '{model.get('name')}' has changed since the run began ({changed}); "
            "restore it, or make the run again with --overwrite"
        )


def add_evaluation(run: RunDirectory, arithmetic: Arithmetic) -> None:
    """Records the arithmetic of the last evaluation.

    If that replaces another, the arithmetic stays beside its predictions until `take_over`.
    """
    if run.replaces:
        write_json(run.arithmetic_path, arithmetic.content())
    elif run.manifest.evaluation != arithmetic:
        run.write_manifest(run.manifest.model_copy(update={"evaluation": arithmetic}))


def predicted_in(run: RunDirectory) -> str | None:
    """The precision of the predictions on disk; None if there are none."""
    if not run.has_predictions:
        return None
    recorded = _stored_arithmetic(run) if run.replaces else run.manifest.evaluation
    return (recorded and recorded.dtype) or NOT_RECORDED


def refuse_mixed_precision(run: RunDirectory, dtype: str | None) -> None:
    """Raises ReversalError if the predictions on disk, which an evaluation keeps, were made in another precision."""
    earlier = predicted_in(run)
    if earlier in (None, NOT_RECORDED, dtype):
        return
    again = f"remove the folder {run.evaluation_path}" if run.replaces else "predict again with --overwrite"
    command = f"reversal eval {run.path} --dtype {earlier}{' --overwrite' if run.replaces else ''}"
    raise ReversalError(
        f"{run.path}: has predictions made in {earlier}, and this evaluation computes in {dtype}; expected one "
        f"precision; continue with `{command}`, or {again}"
    )


def take_over(run: RunDirectory) -> None:
    """Replaces the evaluation of the run, and its arithmetic, with that of `run.overwriting`, if that is complete."""
    new = run.overwriting
    if new.is_complete and (arithmetic := _stored_arithmetic(new)):
        add_evaluation(run, arithmetic)
    run.take_over()


def _stored_arithmetic(run: RunDirectory) -> Arithmetic | None:
    """The arithmetic of an evaluation that replaces another."""
    remedy = f"remove the folder {run.evaluation_path} and run `reversal eval {run.path} --overwrite`"
    return read_shape(run.arithmetic_path, Arithmetic, remedy) if run.arithmetic_path.is_file() else None


def last_settings(run: RunDirectory, spec: ExperimentSpec) -> EvaluationSpec:
    """The settings of the run's last evaluation, in which flags may have replaced those of its spec."""
    try:
        stored = run.metrics.evaluation if run.is_complete else {}
        return EvaluationSpec.model_validate({**spec.evaluation.model_dump(mode="json"), **stored})
    except (ReversalError, ValidationError):
        return spec.evaluation  # a broken file is refused where its metrics are needed


def stored_spec(run: RunDirectory) -> ExperimentSpec:
    """The spec of a run. Raises ReversalError if this version cannot read it."""
    try:
        return ExperimentSpec.model_validate(run.manifest.spec.content())
    except ValidationError:
        raise ReversalError(
            f"{run.manifest_path}: its spec cannot be read; expected the manifest of a run made by this version; "
            "make the run again with --overwrite"
        ) from None


def _stored(leaks: Sequence[Leak]) -> list[StoredLeak]:
    return [StoredLeak(**leak._asdict()) for leak in leaks]


def refuse_foreign_metrics(run: RunDirectory, metrics: Metrics) -> None:
    """Raises ReversalError if metrics.json belongs to another run: copied here, or older than the manifest.

    Metrics without a digest (from earlier versions), and data files that only one of the two lists, are not compared.
    """
    manifest = run.manifest
    expected = manifest.dataset.sha256
    changed = sorted(name for name, sha256 in metrics.dataset.items() if expected.get(name, sha256) != sha256)
    if metrics.digest not in (None, manifest.digest):
        problem = f"the metrics of another experiment (digest {metrics.digest})"
    elif changed:
        problem = f"metrics of other data ({', '.join(changed)})"
    else:
        return
    raise ReversalError(
        f"{run.metrics_path}: {problem}; expected those of the run in manifest.json; {evaluate_again(run)}"
    )


def _has_work(run: RunDirectory) -> bool:
    """Whether the run has anything to lose; a run that failed before its first checkpoint does not.

    A training that is complete is work even without its weights: a published run comes without them.
    """
    if run.is_trained and run.manifest.spec.objective.trains:
        return True
    evaluations = (run.all_predictions_path, run.overwriting.evaluation_path)
    folders = (run.checkpoints_path, run.adapter_path, run.model_path, *evaluations)
    return run.is_complete or any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def refuse_other_spec(run: RunDirectory, spec: ExperimentSpec) -> None:
    """Raises ReversalError if the run was made with another spec."""
    differences = spec_differences(run.manifest.spec.content(), spec.model_dump(mode="json"))
    if not differences:
        return
    state = "finished" if run.is_complete else "trained" if run.is_trained else "begun"
    changes = first_of(differences, DIFFERENCES_SHOWN)
    if run.is_trained and (flags := _flags_of_eval(differences, spec)):
        raise ReversalError(
            f"{run.path}: {state} with other options of the evaluation ({changes}); it keeps those that it began "
            f"with; evaluate it with the new ones by `reversal eval {run.path} {flags}`"
        )
    raise ReversalError(
        f"{run.path}: {state} with a different spec ({changes}); rename the experiment or pass --overwrite"
    )


def _flags_of_eval(differences: Sequence[str], spec: ExperimentSpec) -> str:
    """Flags of `reversal eval` that make these differences; empty if it has none for one of them."""
    flags = {
        "evaluation.likelihood": "--likelihood" if spec.evaluation.likelihood else "--no-likelihood",
        "evaluation.controls": "--controls" if spec.evaluation.controls else "--no-controls",
        "evaluation.retention": _retention_flag(spec.evaluation.retention),
    }
    keys = [difference.split()[0] for difference in differences]
    return " ".join(flags[key] for key in keys) if flags.keys() >= set(keys) else ""


def _retention_flag(retention: bool | str) -> str:
    if isinstance(retention, str):
        return f"--retention-text {shlex.quote(retention)}"
    return "--retention" if retention else "--no-retention"


def refuse_other_data(
    run: RunDirectory,
    dataset: DatasetSpec,
    splits: Splits,
    remedy: str = "restore the dataset, rename the experiment or pass --overwrite",
) -> None:
    """Raises ReversalError if the files of the dataset are not those that the run began with."""
    expected = run.manifest.dataset.sha256
    changed = sorted(name for name in {*expected, *splits.sha256} if expected.get(name) != splits.sha256.get(name))
    if changed:
        raise ReversalError(
            f"{run.path}: made with other data: {', '.join(changed)} in {dataset.path} differ; {remedy}"
        )
