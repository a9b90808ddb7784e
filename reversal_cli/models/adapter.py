"""Loads a LoRA adapter onto its base, exactly as training saved it; raises ReversalError if anything differs."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import safe_open
from transformers import PreTrainedModel

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import read_json
from reversal_cli.models.base import Loaded
from reversal_cli.models.checkpoint import BROKEN, source_of
from reversal_cli.spec.experiment import LoraSpec, ModelSpec

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
REMEDY = "restore it, or train again with `reversal finetune ... --overwrite`"


def add_adapter(base: Loaded, folder: Path, model: ModelSpec, lora: LoraSpec) -> Loaded:
    """The base with the LoRA adapter of `folder`, in evaluation mode.

    Raises ReversalError if the adapter is of another kind, was made for another base than `model` or with other
    options than `lora`, or is broken.
    """
    network = load_adapter(base.model, folder, model, lora)
    if next(base.model.parameters()).dtype == torch.float32:
        # Decoding then costs what the base costs. In half precision rounding would swallow much of a small adapter.
        network = network.merge_and_unload()
    return dataclasses.replace(base, model=network.eval())


def load_adapter(network: PreTrainedModel, folder: Path, model: ModelSpec, lora: LoraSpec) -> PeftModel:
    """The network with the adapter in `folder`. peft alone would only warn about a missing tensor.

    Raises ReversalError as `add_adapter` does.
    """
    config = read_json(folder / CONFIG, REMEDY)
    refuse_other_base(folder, config, model)
    refuse_other_options(config, folder, lora)
    try:
        with warnings.catch_warnings():
            # About missing tensors, which are an error below, and about embeddings that are saved on purpose.
            warnings.simplefilter("ignore", UserWarning)
            adapted = PeftModel.from_pretrained(network, folder)
            trained = get_peft_model_state_dict(adapted, save_embedding_layers=False)
            # Embeddings that were resized for added tokens are saved beside them.
            optional = get_peft_model_state_dict(adapted, save_embedding_layers=True).keys() - trained.keys()
        held = shapes(folder / WEIGHTS)
    except BROKEN as error:
        raise _broken(folder, " ".join(str(error).split())[:300] or type(error).__name__) from None
    expected = {name: list(tensor.shape) for name, tensor in trained.items()}
    stored = {name: shape for name, shape in held.items() if name not in optional}
    differing = sorted(name for name in {*expected, *stored} if expected.get(name) != stored.get(name))
    if differing:
        name = differing[0]
        raise _broken(
            folder,
            f"{len(differing)} tensors do not fit the model, such as {name}: {stored.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the model",
        )
    return adapted


def refuse_other_base(folder: Path, config: dict[str, Any], model: ModelSpec) -> None:
    """Raises ReversalError for an adapter that names another base.

    Bases are compared by the last part of their names: a folder may have moved since.
    """
    base = config.get("base_model_name_or_path")
    if isinstance(base, str) and base and Path(base).name != Path(source_of(model)).name:
        raise _broken(folder, f"it was made for '{base[:100]}', the run is of '{model.name}'")


def refuse_other_options(config: dict[str, Any], folder: Path, lora: LoraSpec) -> None:
    """Raises ReversalError if the file contradicts the spec of the run: another scale would change every answer."""
    for key, value in {"peft_type": "LORA", "r": lora.r, "lora_alpha": lora.alpha}.items():
        if isinstance(config.get(key), bool) or config.get(key) != value:
            raise _broken(folder, f"{CONFIG} has {key} {str(config.get(key))[:60]}, the run was trained with {value}")


def shapes(path: Path) -> dict[str, list[int]]:
    """Name -> shape of every tensor of a safetensors file."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (not a dict)


def _broken(folder: Path, reason: str) -> ReversalError:
    return ReversalError(f"{folder}: cannot be loaded ({reason}); expected the adapter that training saved; {REMEDY}")
