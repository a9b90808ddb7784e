"""Refuses a checkpoint with an impossible config or a broken tokenizer, before anything large is built."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedConfig

from reversal_cli.files.shapes import value_text
from reversal_cli.files.writing import WEIGHT_SUFFIXES
from reversal_cli.models.checkpoint import cannot_load, source_of
from reversal_cli.spec.experiment import ModelSpec

LARGEST: dict[str, int] = {
    "hidden_size": 10**6,
    "intermediate_size": 10**7,
    "num_hidden_layers": 1000,
    "num_layers": 1000,
    "num_attention_heads": 10**5,
    "num_key_value_heads": 10**5,
    "head_dim": 10**5,
    "vocab_size": 10**8,
    "max_position_embeddings": 10**9,
    "max_sequence_length": 10**7,
}
"""Sizes in config.json, and what no model reaches."""
PARAMETERS_PER_BYTE = 4
"""Of weight files, at most: no quantization in use goes below two bits."""


def refuse_impossible_sizes(spec: ModelSpec, config: Mapping[str, Any]) -> None:
    """Raises ReversalError for a size in config.json that is not a whole number in the range of real models."""
    for key, largest in LARGEST.items():
        value = config.get(key)
        if key not in config:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
            raise cannot_load(
                spec, f"config.json has {key} {value_text(value)}; it has to be a whole number from 1 to {largest:,}"
            )


def refuse_impossible_network(spec: ModelSpec, config: PreTrainedConfig, dtype: torch.dtype) -> None:
    """Raises ReversalError if the network of the config would not fit into memory, or not into its own files.

    It is built without any weights, which costs nothing; whatever the config cannot be built from is raised as it is.
    """
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        parameters = AutoModelForCausalLM.from_config(config).num_parameters()
    refuse_too_many_parameters(spec, parameters, dtype)


def refuse_too_many_parameters(spec: ModelSpec, parameters: int, dtype: torch.dtype) -> None:
    """Raises ReversalError for more parameters than memory, where drawn in `dtype`, or a local folder can hold."""
    memory, needed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), dtype.itemsize * parameters
    if spec.init == "random" and needed > memory:
        raise cannot_load(
            spec,
            f"new weights of {parameters:,} parameters need {needed / 2**30:,.0f} GiB, and this machine has "
            f"{memory / 2**30:,.0f}",
        )
    folder = Path(source_of(spec))
    if spec.init == "pretrained" and folder.is_dir():
        size = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in WEIGHT_SUFFIXES)
        if size and parameters > PARAMETERS_PER_BYTE * size:
            raise cannot_load(
                spec, f"config.json is of {parameters:,} parameters, the weight files hold {size:,} bytes"
            )


def refuse_broken_tokenizer(spec: ModelSpec) -> None:
    """Raises ReversalError for a tokenizer.json of a local folder that the tokenizers library cannot read."""
    path = Path(source_of(spec)) / "tokenizer.json"
    if not path.is_file():
        return
    try:
        Tokenizer.from_file(str(path))
    except Exception as error:
        # The library raises the bare class and nothing more specific; any other class is a bug of ours.
        if type(error) is not Exception:
            raise
        raise cannot_load(spec, f"tokenizer.json: {' '.join(str(error).split())[:200]}") from None
