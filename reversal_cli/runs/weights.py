"""The trained weights of a run, and the check that they are unchanged since its training."""

from pathlib import Path

from reversal_cli.errors import ReversalError
from reversal_cli.files.writing import file_sha256
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.spec.experiment import ExperimentSpec

ADAPTER_WEIGHTS = ("adapter_model.safetensors",)
MODEL_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""The files that loading reads from adapter/ and from model/; other weight files have no effect."""


def trained_folder(run: RunDirectory, spec: ExperimentSpec) -> Path | None:
    """adapter/ or model/, whichever the training of the spec writes; None if the objective does not train.

    Raises ReversalError if the folder does not hold weights: otherwise the base model would be evaluated.
    """
    if not spec.objective.trains:
        return None
    folder = run.adapter_path if spec.training.tuning == "lora" else run.model_path
    if not _weight_files(run, folder):
        raise ReversalError(
            f"{run.path}: has no weights; expected those of its training in {folder.name}/; "
            f"train it again with --overwrite, or copy {folder.name}/ there"
        )
    return folder


def refuse_other_weights(run: RunDirectory, spec: ExperimentSpec) -> None:
    """Raises ReversalError if the weights are absent or have changed since the training.

    Runs of earlier versions, whose manifest does not record the hashes, are not checked.
    """
    folder = trained_folder(run, spec)
    training = run.manifest.training
    recorded = training.weights if training else None
    if folder is None or recorded is None:
        return
    present, expected = (
        {name: digest for name, digest in digests.items() if name.startswith(f"{folder.name}/")}
        for digests in (weights_digests(run), recorded)
    )
    changed = sorted(name for name in {*present, *expected} if present.get(name) != expected.get(name))
    if changed:
        raise ReversalError(
            f"{run.path}: {', '.join(changed)}: not as its training wrote it; expected the hash in manifest.json; "
            "restore the file, or train the run again with --overwrite"
        )


def weights_digests(run: RunDirectory) -> dict[str, str]:
    """File of adapter/ or model/ -> its SHA-256: `{"model/model.safetensors": "9f86..."}`."""
    files = [*_weight_files(run, run.adapter_path), *_weight_files(run, run.model_path)]
    configuration = run.adapter_path / "adapter_config.json"
    files += [configuration] if configuration.is_file() else []
    return {f"{path.parent.name}/{path.name}": file_sha256(path) for path in sorted(files)}


def _weight_files(run: RunDirectory, folder: Path) -> list[Path]:
    patterns = ADAPTER_WEIGHTS if folder == run.adapter_path else MODEL_WEIGHTS
    return [path for pattern in patterns for path in folder.glob(pattern)]
