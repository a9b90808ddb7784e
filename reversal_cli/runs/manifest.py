"""What manifest.json says of a run, and whether a run directory may be used for a spec."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from reversal_cli.data.audit.leaks import Leak
from reversal_cli.data.base import Splits
from reversal_cli.errors import ReversalError, first_of
from reversal_cli.files.reading import read_json
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.provenance import provenance, timestamp
from reversal_cli.runs.weights import weights_digests
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import spec_differences

DIFFERENCES_SHOWN = 4


def begin_run(run: RunDirectory, spec: ExperimentSpec, splits: Splits, leaks: Sequence[Leak] = ()) -> None:
    """Writes the manifest of a new run, with the leaks of its dataset; leaves that of the same run as it is.

    Raises ReversalError where the directory holds work of another spec or on other data.
    """
    if run.manifest_path.is_file() and _has_work(run):
        refuse_other_spec(run, spec)
        refuse_other_data(run, spec, splits)
        return
    if not run.manifest_path.is_file() and _has_work(run):
        raise ReversalError(
            f"{run.path}: holds the files of a run but no manifest.json; expected both or neither; "
            "restore it, rename the experiment or pass --overwrite"
        )
    run.clear()
    manifest = {
        "spec": spec.model_dump(mode="json"),
        "digest": spec.digest,
        "dataset": {"path": spec.dataset.path, "sha256": splits.sha256, "leaks": _records(leaks)},
        "provenance": provenance(),
    }
    if not spec.objective.trains:
        # Nothing to train: the run is ready to be evaluated.
        manifest["training"] = {}
    write_json(run.manifest_path, manifest)


def begin_anew(run: RunDirectory, spec: ExperimentSpec, splits: Splits, leaks: Sequence[Leak] = ()) -> None:
    """Removes what the run has, and begins it; to be called when nothing is left that could be refused."""
    run.clear()
    begin_run(run, spec, splits, leaks)


def end_training(run: RunDirectory, training: dict[str, Any], model: dict[str, Any]) -> None:
    """Adds what says that the weights are complete, and which they are; to be called when they are."""
    section = {**training, "weights": weights_digests(run), "finished": timestamp()}
    write_json(run.manifest_path, run.manifest | {"training": section, "model": model})


def knows_leaks(run: RunDirectory) -> bool:
    """False for a run of an earlier version, which did not look for them."""
    return "leaks" in run.manifest.get("dataset", {})


def add_leaks(run: RunDirectory, leaks: Sequence[Leak]) -> None:
    """Adds the leaks of the dataset to a run that does not know them."""
    content = run.manifest
    write_json(run.manifest_path, content | {"dataset": {**content["dataset"], "leaks": _records(leaks)}})


def add_model(run: RunDirectory, model: dict[str, Any]) -> None:
    """Adds the identity of an untrained run's checkpoint, known once it is loaded.

    Raises ReversalError where the checkpoint is not the one that was trained. A full training's own weights replace it.
    """
    content = run.manifest
    stored, spec = content.get("model"), content["spec"]
    replaced = spec["training"]["tuning"] == "full" and spec["objective"]["name"] != "none"
    if stored is None:
        write_json(run.manifest_path, content | {"model": model})
    elif stored != model and not replaced:
        changed = ", ".join(sorted(key for key in {*stored, *model} if stored.get(key) != model.get(key)))
        raise ReversalError(
            f"{run.path}: the checkpoint '{model.get('name')}' has changed since the run began ({changed}); "
            "restore it, or make the run again with --overwrite"
        )


def add_evaluation(run: RunDirectory, arithmetic: dict[str, Any]) -> None:
    """Adds the arithmetic that the predictions were made with; the last evaluation's, if there were several.

    That of an evaluation that replaces another waits beside its predictions for `take_over`.
    """
    if run.replaces:
        write_json(run.arithmetic_path, arithmetic)
    elif run.manifest.get("evaluation") != arithmetic:
        write_json(run.manifest_path, run.manifest | {"evaluation": arithmetic})


def take_over(run: RunDirectory) -> None:
    """Puts the evaluation that `run.overwriting` has finished in the place of the one before; nothing without one."""
    new = run.overwriting
    if new.is_complete and new.arithmetic_path.is_file():
        remedy = f"remove the folder {new.evaluation_path} and run `reversal eval {run.path} --overwrite`"
        add_evaluation(run, read_json(new.arithmetic_path, remedy))
    run.take_over()


def stored_spec(run: RunDirectory) -> ExperimentSpec:
    """The spec a run was made with. Raises ReversalError where this version cannot read it."""
    try:
        return ExperimentSpec.model_validate(run.manifest["spec"])
    except (KeyError, ValidationError):
        raise ReversalError(
            f"{run.manifest_path}: its spec cannot be read; expected the manifest of a run made by this version; "
            "make the run again with --overwrite"
        ) from None


def _records(leaks: Sequence[Leak]) -> list[dict[str, Any]]:
    return [leak._asdict() for leak in leaks]


def refuse_foreign_metrics(run: RunDirectory, metrics: dict[str, Any]) -> None:
    """Raises ReversalError where metrics.json is another run's: copied here, or older than the manifest.

    Metrics from before they recorded a digest, and files that only one of the two knows, are not compared.
    """
    manifest, data = run.manifest, metrics.get("dataset")
    before = manifest.get("dataset", {}).get("sha256", {})
    known = data if isinstance(data, dict) else {}  # a file of another form is its reader's to refuse
    changed = sorted(name for name, digest in known.items() if before.get(name, digest) != digest)
    if metrics.get("digest", manifest.get("digest")) != manifest.get("digest"):
        found = f"the metrics of another experiment (digest {metrics['digest']})"
    elif changed:
        found = f"metrics of other data ({', '.join(changed)})"
    else:
        return
    raise ReversalError(
        f"{run.metrics_path}: {found}; expected those of the run in manifest.json; "
        f"remove the file and run `reversal eval {run.path}`"
    )


def _has_work(run: RunDirectory) -> bool:
    """Whether anything would be lost. A run that failed before its first checkpoint may be begun anew."""
    evaluations = (run.all_predictions_path, run.overwriting.evaluation_path)
    folders = (run.checkpoints_path, run.adapter_path, run.model_path, *evaluations)
    return run.is_complete or any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def refuse_other_spec(run: RunDirectory, spec: ExperimentSpec) -> None:
    differences = spec_differences(run.manifest.get("spec", {}), spec.model_dump(mode="json"))
    if not differences:
        return
    state = "finished" if run.is_complete else "trained" if run.is_trained else "begun"
    shown = first_of(differences, DIFFERENCES_SHOWN)
    raise ReversalError(
        f"{run.path}: {state} with a different spec ({shown}); rename the experiment or pass --overwrite"
    )


def refuse_other_data(run: RunDirectory, spec: ExperimentSpec, splits: Splits) -> None:
    """Raises ReversalError when the dataset's files are not those the run began with."""
    before = run.manifest.get("dataset", {}).get("sha256", {})
    changed = sorted(name for name in {*before, *splits.sha256} if before.get(name) != splits.sha256.get(name))
    if changed:
        raise ReversalError(
            f"{run.path}: made with other data: {', '.join(changed)} in {spec.dataset.path} changed since; "
            "restore the dataset, rename the experiment or pass --overwrite"
        )
