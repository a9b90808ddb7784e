"""Llama and every other causal language model of transformers with rotary positions."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from reversal_cli.errors import ReversalError, first_of
from reversal_cli.models.base import Family, Loaded, sentence_ends
from reversal_cli.models.checkpoint import BROKEN, cannot_load, identity, read_config, source_of
from reversal_cli.models.plausibility import (
    refuse_broken_tokenizer,
    refuse_impossible_network,
    refuse_impossible_sizes,
)
from reversal_cli.models.probing import last_position_in_table, refuse_non_causal
from reversal_cli.objectives.base import TokenIds
from reversal_cli.spec.experiment import ModelSpec
from reversal_cli.spec.families import family_of_config


def load(spec: ModelSpec, dtype: torch.dtype, device: torch.device) -> Loaded:
    """A preset, a local folder or a hub checkpoint, with stock attention; weights in `dtype`, in evaluation mode.

    Code that comes with a checkpoint is never run. Raises ReversalError if something is missing or broken.
    """
    refuse_other_families(spec)
    refuse_broken_tokenizer(spec)
    source = source_of(spec)
    try:
        config = AutoConfig.from_pretrained(source, revision=spec.revision, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=spec.revision, trust_remote_code=False)
        refuse_impossible_network(spec, config, dtype)
        if spec.init == "random":
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
        else:
            model, report = AutoModelForCausalLM.from_pretrained(
                source,
                revision=spec.revision,
                config=config,
                dtype=dtype,
                trust_remote_code=False,
                output_loading_info=True,
            )
            refuse_missing_weights(spec, report)
    except BROKEN as error:
        raise cannot_load(spec, " ".join(str(error).split())[:300] or type(error).__name__) from None
    prepare_tokenizer(tokenizer, model, spec.name)
    refuse_non_causal(model.to(device).eval(), spec.name)
    weights = identity(spec, type(model).__name__, model.num_parameters(), vars(model.config).get("_commit_hash"))
    tokens = TokenIds(
        tokenizer.pad_token_id,
        frozenset(tokenizer.all_special_ids),
        sentence_ends=sentence_ends(tokenizer),
        vocabulary=len(tokenizer),
    )
    return Loaded(model, tokenizer, weights, tokens, last_position_in_table(model))


FAMILY = Family(
    load=load,
    lora_targets="all-linear",
    lora_task="CAUSAL_LM",
)


def refuse_missing_weights(spec: ModelSpec, report: dict[str, Any]) -> None:
    """Raises ReversalError if weights are missing or have another shape: transformers would draw new ones."""
    lacking = sorted(str(key) for key in (*report["missing_keys"], *report["mismatched_keys"]))
    if lacking:
        raise ReversalError(
            f"model '{spec.name}': its files lack weights of its config ({first_of(lacking, 3)}); expected all; "
            "check the files"
        )


def refuse_other_families(spec: ModelSpec) -> None:
    """Raises ReversalError for a GLM of 2022, which transformers would read as GLM-4, and for models that only their
    own code can load, or that do not continue a text."""
    config = read_config(spec)
    model_type = config.get("model_type")
    if not isinstance(model_type, str | None):
        raise cannot_load(spec, f"config.json has model_type {str(model_type)[:60]}; it has to be a text")
    if family_of_config(config) == "rotary" and model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        hint = "take a GLM-4 with 'hf' in its name" if model_type == "chatglm" else "choose another checkpoint"
        raise ReversalError(
            f"model '{spec.name}': config.json has model_type {model_type!r}; expected a causal language model of "
            f"transformers (code that comes with a checkpoint is never run); {hint}"
        )
    if family_of_config(config) != "rotary":
        raise ReversalError(
            f"model '{spec.name}': config.json is of a GLM of 2022 (num_layers, block_position_encoding); expected a "
            "causal model with rotary positions; check the folder"
        )
    # A null (GPT-Neo) or a list of one size per layer (Gemma 3n) is for the class of the model to judge.
    refuse_impossible_sizes(spec, {key: value for key, value in config.items() if not isinstance(value, list | None)})


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
