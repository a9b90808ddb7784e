"""Loads a GLM of 2022: glm-roberta-large, glm-2b, glm-10b as published, or what this package saved of one.

Not through the Auto classes of transformers: the published config.json says "glm", which there is GLM-4, and the code
that comes with the checkpoints no longer runs.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.utils.hub import extract_commit_hash

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Family, Loaded, sentence_ends
from reversal_cli.models.checkpoint import cannot_load, family_of_config, find_files, identity, read_config
from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel
from reversal_cli.models.glm_tokenizer import glm_tokens, read_tokenizer
from reversal_cli.spec import ModelSpec

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
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
HEAD = "lm_head.weight"
NAMES_SHOWN = 5


def load(spec: ModelSpec, dtype: torch.dtype, device: torch.device) -> Loaded:
    """A preset, a local folder or a hub checkpoint; weights in `dtype` on `device`, in evaluation mode.

    Raises ReversalError when something is missing, broken, or of another model.
    """
    config = read_glm_config(spec)
    files = find_files(spec, TOKENIZER_FILES)
    try:
        tokenizer = read_tokenizer(files, spec.mask_token_id)
    except (OSError, ValueError) as error:
        raise cannot_load(spec, " ".join(str(error).split())[:300]) from None
    except ReversalError as error:
        raise ReversalError(f"model '{spec.name}': {error}; check the folder") from None
    model = GlmAbiModel(config).to(dtype) if spec.init == "random" else load_weights(spec, config, dtype)
    check_vocabulary(spec, tokenizer, model)
    commit = extract_commit_hash(str(next(iter(files.values()))), None)
    found = identity(spec, type(model).__name__, model.num_parameters(), commit)
    tokens = glm_tokens(tokenizer, sentence_ends(tokenizer))
    return Loaded(model.to(device).eval(), tokenizer, found, tokens, config.max_sequence_length)


FAMILY = Family(
    summary="the GLM of 2022 (glm-roberta-large, glm-2b, glm-10b)",
    load=load,
    lora_targets=["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
)


def read_glm_config(spec: ModelSpec) -> GlmAbiConfig:
    """Our configuration from a published config.json or from our own."""
    content = read_config(spec)
    if family_of_config(content) != "glm":
        found = f"model_type {content.get('model_type')!r}"
        found += " with num_hidden_layers (GLM-4)" if content.get("model_type") in ("glm", "glm4") else ""
        raise ReversalError(
            f"model '{spec.name}': config.json has {found}; expected a GLM of 2022 (model_type 'glm' with num_layers); "
            "check the folder"
        )
    for field, value in UNSUPPORTED.items():
        if content.get(field) is value:
            raise ReversalError(
                f"model '{spec.name}': {field} is {value}; expected {not value}, as in every published checkpoint; "
                "choose another checkpoint"
            )
    fields = {field: content[field] for field in CONFIG_FIELDS if field in content}
    if spec.gelu is not None:
        fields["gelu"] = spec.gelu
    try:
        return GlmAbiConfig(**fields)
    except (TypeError, ValueError) as error:
        raise cannot_load(spec, f"config.json: {error}") from None


def load_weights(spec: ModelSpec, config: GlmAbiConfig, dtype: torch.dtype) -> GlmAbiModel:
    """The network with the checkpoint's weights in `dtype`, which are in memory once: it is built without any."""
    with torch.device("meta"):
        model = GlmAbiModel(config)
    # One after the other: a hub checkpoint that has both is fetched once.
    found = (find_files(spec, [name]).get(name) for name in WEIGHT_FILES)
    path = next(filter(None, found), None)
    if path is None:
        raise cannot_load(spec, f"it has neither {' nor '.join(WEIGHT_FILES)}")
    expected = {name: tensor.shape for name, tensor in model.state_dict().items() if name != HEAD}
    try:
        weights = read_weights(spec, path, expected, dtype)
    except (OSError, RuntimeError, ValueError, EOFError, SafetensorError, UnpicklingError) as error:
        raise cannot_load(spec, f"{path.name}: {' '.join(str(error).split())[:200]}") from None
    model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    return model


def read_weights(
    spec: ModelSpec, path: Path, expected: Mapping[str, torch.Size], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Exactly the expected tensors (name -> shape) in `dtype`, one after the other; names may begin with `glm.`."""
    weights: dict[str, Tensor] = {}
    unexpected, misshapen = [], {}
    for published, read in open_weights(path):
        name = published.removeprefix("glm.")
        if name == HEAD:  # a copy of the embeddings, if someone saved one
            continue
        if name not in expected:
            unexpected.append(published)
            continue
        tensor = read()
        if tensor.shape != expected[name]:
            misshapen[name] = f"{published} {list(tensor.shape)} instead of {list(expected[name])}"
            continue
        weights[name] = tensor.to(dtype, copy=True)
    problems = {
        "missing": sorted(expected.keys() - weights.keys() - misshapen.keys()),
        "unexpected": unexpected,
        "of another shape": [*misshapen.values()],
    }
    if any(problems.values()):
        raise wrong_tensors(spec, path, problems)
    return weights


def open_weights(path: Path) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """Name and reader of each tensor of a file, which is mapped into memory and not read as a whole."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                yield name, lambda name=name: file.get_tensor(name)
        return
    for name, tensor in read_pickle(path).items():
        yield name, lambda tensor=tensor: tensor


def read_pickle(path: Path) -> Mapping[str, Tensor]:
    """pytorch_model.bin: tensors only, no code is run. A file in the format before torch 1.6 is read as a whole."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap can only be used with files saved with" not in str(error):
            raise
        content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, Mapping) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError("it holds other things than named tensors")
    return content


def wrong_tensors(spec: ModelSpec, path: Path, problems: dict[str, list[str]]) -> ReversalError:
    parts = []
    for kind, names in problems.items():
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        if names:
            parts.append(f"{len(names)} {kind}: {', '.join(names[:NAMES_SHOWN])}{more}")
    return ReversalError(
        f"model '{spec.name}': {path.name} does not fit config.json ({'; '.join(parts)}); "
        "expected the tensors of one GLM checkpoint of 2022; get its files again"
    )


def check_vocabulary(spec: ModelSpec, tokenizer: PreTrainedTokenizerFast, model: GlmAbiModel) -> None:
    """Refuses a tokenizer larger than the model, and warns where the [MASK] row looks as if it was never trained."""
    rows = model.config.vocab_size
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

    embeddings: [v, h]. Untrained rows keep close to their common mean; where trained rows do too, nothing can be said.
    """
    unused = embeddings[first_unused:].detach().float()
    if len(unused) < 3:
        return False
    centre = unused.mean(dim=0)
    radius = 1.5 * (unused - centre).norm(dim=1).max()
    used = embeddings[: min(first_unused, 4096)].detach().float()
    typical = (used - centre).norm(dim=1).median()
    return bool((embeddings[row].detach().float() - centre).norm() <= radius < typical)


def save(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Files that `load` reads again; the tensors keep their published names."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
