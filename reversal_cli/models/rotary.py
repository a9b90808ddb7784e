"""Llama and every other causal language model of transformers with rotary positions."""

import hashlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Loaded
from reversal_cli.models.presets import PRESETS
from reversal_cli.spec import ModelSpec


def load(spec: ModelSpec, dtype: torch.dtype, device: torch.device) -> Loaded:
    """A preset, a local folder or a hub checkpoint, with stock attention; weights in `dtype`, in evaluation mode.

    Code that comes with a checkpoint is never run. Raises ReversalError when something is missing or broken.
    """
    source = str(PRESETS.get(spec.name, spec.name))
    try:
        config = AutoConfig.from_pretrained(source, revision=spec.revision, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=spec.revision, trust_remote_code=False)
        if spec.init == "random":
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
        else:
            model = AutoModelForCausalLM.from_pretrained(
                source, revision=spec.revision, config=config, dtype=dtype, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ReversalError(
            f"model '{spec.name}': cannot be loaded ({reason}); expected a preset ({', '.join(PRESETS)}), "
            "a checkpoint folder or a hub id; check the name and the files"
        ) from None
    prepare_tokenizer(tokenizer, model, spec.name)
    return Loaded(model.to(device).eval(), tokenizer, identity(spec, model, source))


def load_adapter(loaded: Loaded, folder: Path) -> Loaded:
    """The same with a LoRA adapter merged into its weights, so that decoding costs what the base costs."""
    merged = PeftModel.from_pretrained(loaded.model, folder).merge_and_unload()
    return Loaded(merged.eval(), loaded.tokenizer, loaded.identity)


def prepare_tokenizer(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, name: str) -> None:
    """Makes sure of an eos and a pad token. The pad token is never attended, so any id that exists will do."""
    if not tokenizer.is_fast:
        raise ReversalError(
            f"model '{name}': its tokenizer has no tokenizer.json; expected a fast tokenizer; convert it"
        )
    if tokenizer.eos_token_id is None:
        raise ReversalError(
            f"model '{name}': its tokenizer has no eos token; expected one; set eos_token in its config"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise ReversalError(
            f"model '{name}': the tokenizer knows {len(tokenizer)} tokens but the model has {rows} embedding rows; "
            "expected files of one checkpoint; check the folder"
        )


def identity(spec: ModelSpec, model: PreTrainedModel, source: str) -> dict[str, Any]:
    """Which weights these are: the hub commit, or the hash of each file of a local folder."""
    found: dict[str, Any] = {
        "name": spec.name,
        "class": type(model).__name__,
        "parameters": model.num_parameters(),
        "init": spec.init,
    }
    if Path(source).is_dir():
        files = [
            path
            for path in sorted(Path(source).iterdir())
            if path.suffix in {".json", ".safetensors", ".bin", ".model"}
        ]
        found["sha256"] = {path.name: file_digest(path) for path in files}
    else:
        found["revision"] = spec.revision
        found["commit"] = model.config.to_dict().get("_commit_hash")
    return found


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
