"""The adapter of a run, laid on its base. Whatever does not fit is refused: peft would leave it at its start values."""

import dataclasses
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import load_peft_weights
from safetensors import SafetensorError

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Loaded
from reversal_cli.models.checkpoint import source_of
from reversal_cli.run_directory import read_json
from reversal_cli.spec import ModelSpec

KIND = "LORA"
TRAINED = ("lora_", "trainable_tokens_")
"""In the name of every tensor that our training writes; embeddings that were resized are saved beside them."""
NAMES_SHOWN = 3


def add_adapter(base: Loaded, folder: Path, model: ModelSpec) -> Loaded:
    """The base with the LoRA adapter of `folder`, in evaluation mode.

    Raises ReversalError where the adapter is of another kind, was made for another base than `model`, or lacks tensors.
    """
    refuse_other_kinds(folder, read_json(folder / "adapter_config.json"), model)
    try:
        network = PeftModel.from_pretrained(base.model, folder)
        found = load_peft_weights(str(folder), device="cpu").keys()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise _misfit(folder, f"cannot be loaded ({' '.join(str(error).split())[:300]})", model) from None
    refuse_other_tensors(folder, set(found), network, model)
    if next(base.model.parameters()).dtype == torch.float32:
        # Decoding then costs what the base costs. In half precision rounding would swallow much of a small adapter.
        network = network.merge_and_unload()
    return dataclasses.replace(base, model=network.eval())


def refuse_other_kinds(folder: Path, config: dict[str, Any], model: ModelSpec) -> None:
    """Raises ReversalError for an adapter that is not LoRA or names another base.

    Bases are compared by the last part of their names: a folder may have moved since.
    """
    kind, base = config.get("peft_type"), config.get("base_model_name_or_path")
    if kind != KIND:
        raise _misfit(folder, f"an adapter of kind {kind}", model)
    if isinstance(base, str) and base and Path(base).name != Path(source_of(model)).name:
        raise _misfit(folder, f"an adapter made for '{base}'", model)


def refuse_other_tensors(folder: Path, found: set[str], network: PeftModel, model: ModelSpec) -> None:
    """Raises ReversalError unless the files hold every trained tensor of the network, and no other."""
    expected = get_peft_model_state_dict(network, save_embedding_layers=False).keys()
    trained = {name for name in found if any(part in name for part in TRAINED)}
    for what, names in (("lacks", expected - found), ("has, for another base,", trained - expected)):
        if names:
            shown = ", ".join(sorted(names)[:NAMES_SHOWN])
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            raise _misfit(folder, f"{what} {shown}{more}", model)


def _misfit(folder: Path, found: str, model: ModelSpec) -> ReversalError:
    return ReversalError(
        f"{folder}: {found}; expected the LoRA adapter that training wrote for '{model.name}'; "
        "restore it, or train the run again with --overwrite"
    )
