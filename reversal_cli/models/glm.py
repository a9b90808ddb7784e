"""Loads a GLM of 2022: glm-roberta-large, glm-2b, glm-10b as published, or what this package saved of one.

Not through the Auto classes of transformers: the published config.json says "glm", which there is GLM-4, and the code
that comes with the checkpoints no longer runs.
"""

import warnings

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.utils.hub import extract_commit_hash

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Family, Loaded, sentence_ends
from reversal_cli.models.checkpoint import BROKEN, cannot_load, find_files, identity, read_config
from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel
from reversal_cli.models.glm_tokenizer import glm_tokens, read_tokenizer
from reversal_cli.models.glm_weights import load_weights
from reversal_cli.models.plausibility import (
    refuse_broken_tokenizer,
    refuse_impossible_sizes,
    refuse_too_many_parameters,
)
from reversal_cli.spec.experiment import ModelSpec
from reversal_cli.spec.families import family_of_config

CONFIG_FIELDS = (
    "num_layers",
    "vocab_size",
    "hidden_size",
    "num_attention_heads",
    "max_sequence_length",
    "embedding_dropout_prob",
    "attention_dropout_prob",
    "output_dropout_prob",
    "initializer_range",
    "gelu",
)
UNSUPPORTED = {"relative_encoding": True, "block_position_encoding": False}
"""Settings of unpublished variants, which are other networks."""
TOKENIZER_FILES = ("vocab.json", "merges.txt", "added_tokens.json", "tokenizer.json", "tokenizer_config.json")


def load(spec: ModelSpec, dtype: torch.dtype, device: torch.device) -> Loaded:
    """A preset, a local folder or a hub checkpoint; weights in `dtype` on `device`, in evaluation mode.

    Raises ReversalError if something is missing, broken, or of another model.
    """
    config = read_glm_config(spec)
    refuse_broken_tokenizer(spec)
    files = find_files(spec, TOKENIZER_FILES)
    try:
        tokenizer = read_tokenizer(files, spec.mask_token_id)
    except ReversalError as error:
        raise ReversalError(f"model '{spec.name}': {error}; check the folder") from None
    except BROKEN as error:
        raise cannot_load(spec, " ".join(str(error).split())[:300] or type(error).__name__) from None
    model = new_network(spec, config).to(dtype) if spec.init == "random" else load_weights(spec, config, dtype)
    check_vocabulary(spec, tokenizer, model)
    commit = extract_commit_hash(str(next(iter(files.values()))), None)
    weights = identity(spec, type(model).__name__, model.num_parameters(), commit)
    tokens = glm_tokens(tokenizer, sentence_ends(tokenizer))
    return Loaded(model.to(device).eval(), tokenizer, weights, tokens, config.max_sequence_length, family="glm")


def new_network(spec: ModelSpec, config: GlmAbiConfig) -> GlmAbiModel:
    """With random weights. Raises ReversalError if they would not fit into memory."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        parameters = GlmAbiModel(config).num_parameters()
    refuse_too_many_parameters(spec, parameters, torch.float32)  # drawn in float32, whatever they become
    return GlmAbiModel(config)


FAMILY = Family(
    load=load,
    lora_targets=["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
    lora_task=None,  # the wrapper of causal models expects transformers' `generate`, which GLM does not have
)


def read_glm_config(spec: ModelSpec) -> GlmAbiConfig:
    """The configuration from a config.json, a published one or one that this package saved."""
    content = read_config(spec)
    if family_of_config(content) != "glm":
        what = f"model_type {content.get('model_type')!r}"
        what += " with num_hidden_layers (GLM-4)" if content.get("model_type") in ("glm", "glm4") else ""
        raise ReversalError(
            f"model '{spec.name}': config.json has {what}; expected a GLM of 2022 (model_type 'glm' with num_layers); "
            "check the folder"
        )
    for field, value in UNSUPPORTED.items():
        if content.get(field) is value:
            raise ReversalError(
                f"model '{spec.name}': {field} is {value}; expected {not value}, as in every published checkpoint; "
                "choose another checkpoint"
            )
    refuse_impossible_sizes(spec, content)
    fields = {field: content[field] for field in CONFIG_FIELDS if field in content}
    if spec.gelu is not None:
        fields["gelu"] = spec.gelu
    try:
        return GlmAbiConfig(**fields)
    except (TypeError, ValueError) as error:
        raise cannot_load(spec, f"config.json: {error}") from None


def check_vocabulary(spec: ModelSpec, tokenizer: PreTrainedTokenizerFast, model: GlmAbiModel) -> None:
    """Refuses a tokenizer larger than the model, and warns if the [MASK] row looks as if it was never trained."""
    rows = model.config.vocab_size
    if (spec.mask_token_id or 0) >= rows:
        raise ReversalError(
            f"model.mask_token_id: {spec.mask_token_id}; expected less than {rows}, the embedding rows of "
            f"'{spec.name}'; glm-roberta-large has 50264 or 50267"
        )
    largest = max(tokenizer.get_vocab().values())
    if largest >= rows:
        raise ReversalError(
            f"model '{spec.name}': the tokenizer has ids up to {largest} but the model has {rows} embedding rows; "
            "expected files of one checkpoint; check the folder"
        )
    if looks_untrained(model.word_embeddings.weight, tokenizer.mask_token_id, first_unused=largest + 1):
        warnings.warn(
            f"model '{spec.name}': the embedding of [MASK] (id {tokenizer.mask_token_id}) looks like the rows that no "
            "token has, so it was probably never trained; set model.mask_token_id (glm-roberta-large: 50264)",
            stacklevel=2,
        )


def looks_untrained(embeddings: Tensor, row: int, first_unused: int) -> bool:
    """Whether a row lies among the rows from `first_unused` on, which only pad the table, and not among the others.

    embeddings: [v, h]. Untrained rows keep close to their common mean; if trained rows do too, the answer is False.
    """
    unused = embeddings[first_unused:].detach().float()
    if len(unused) < 3:
        return False
    centre = unused.mean(dim=0)
    radius = 1.5 * (unused - centre).norm(dim=1).max()
    used = embeddings[: min(first_unused, 4096)].detach().float()
    typical = (used - centre).norm(dim=1).median()
    return bool((embeddings[row].detach().float() - centre).norm() <= radius < typical)
