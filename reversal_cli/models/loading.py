"""A model ready to train, or the model of a run ready to evaluate."""

from typing import TYPE_CHECKING

from reversal_cli.processes.place import shards_weights
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.weights import trained_folder
from reversal_cli.spec.experiment import ExperimentSpec

if TYPE_CHECKING:
    from reversal_cli.models.base import Loaded


def load_for_training(spec: ExperimentSpec) -> "Loaded":
    """The checkpoint with stock attention on the device of the spec, or for FSDP in main memory; new weights are drawn
    from the seed.

    Weights that are trained are kept in float32 (autocast does the fast arithmetic); a frozen base under LoRA is kept
    in the dtype of the arithmetic, which halves its memory.
    """
    import torch

    from reversal_cli.models.families import load_checkpoint
    from reversal_cli.models.precision import choose_device, choose_dtype

    device = choose_device(spec.training.device)
    dtype = choose_dtype(spec.training.dtype, device)
    if shards_weights():
        device = torch.device("cpu")  # a GPU gets its part of them only
    frozen = spec.training.tuning == "lora"
    return load_checkpoint(spec, dtype if frozen else torch.float32, device)


def load_for_evaluation(spec: ExperimentSpec, run: RunDirectory) -> "Loaded":
    """The weights of a finished run, or the untouched checkpoint of an untrained one, with the attention it answers by.

    That is the one of the training where a token of a prompt or an answer sees one after it, else the stock one. Its
    precision is `evaluation.dtype`, or that of the training's arithmetic. Raises ReversalError if the run's weights are
    absent or do not fit.
    """
    from reversal_cli.models.attention import install_mirrored_attention
    from reversal_cli.models.families import is_mirrored

    loaded = _load_weights(spec, run)
    if spec.objective.prompt_layout(loaded.tokens).sees_ahead and is_mirrored(spec.objective, loaded.tokens):
        install_mirrored_attention(loaded.model)
    return loaded


def _load_weights(spec: ExperimentSpec, run: RunDirectory) -> "Loaded":
    from reversal_cli.models.adapter import add_adapter
    from reversal_cli.models.families import load_checkpoint, load_trained
    from reversal_cli.models.precision import choose_device, choose_dtype

    folder = trained_folder(run, spec)
    device = choose_device(spec.training.device)
    dtype = choose_dtype(spec.evaluation.dtype or spec.training.dtype, device)
    if folder is None:
        return load_checkpoint(spec, dtype, device)
    if spec.training.tuning == "full":
        return load_trained(spec, str(folder), dtype, device)
    return add_adapter(load_checkpoint(spec, dtype, device), folder, spec.model, spec.training.lora)
