"""A tiny Llama as a GGUF file, written as llama.cpp's converter does."""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf.quants import quantize
from transformers import LlamaConfig, LlamaForCausalLM

from reversal_cli.spec.presets import PRESETS

HEADS, KEY_VALUE_HEADS = 4, 2
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}


def tiny_network() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(_tokenizer()["model"]["vocab"]),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_VALUE_HEADS,
        max_position_embeddings=128,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def write_gguf(path: Path, network: LlamaForCausalLM, kind: str = "F32", architecture: str = "llama") -> Path:
    """kind: the type of all matrices, F32 or Q8_0."""
    writer = gguf.GGUFWriter(path, architecture)
    _write_sizes(writer, network.config)
    _write_tokenizer(writer)
    quantization = gguf.GGMLQuantizationType[kind]
    for name, tensor in network.state_dict().items():
        stem = name.removesuffix(".weight")
        if stem == "lm_head":
            continue  # tied
        weights = _in_pairs(stem, tensor.numpy())
        new = OUTER.get(stem) or f"blk.{stem.split('.')[2]}.{NAMES[stem.split('.', 3)[3]]}"
        if weights.ndim == 1 or kind == "F32":
            writer.add_tensor(f"{new}.weight", weights)
        else:
            writer.add_tensor(f"{new}.weight", quantize(weights, quantization), raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_sizes(writer: gguf.GGUFWriter, config: LlamaConfig) -> None:
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)


def _write_tokenizer(writer: gguf.GGUFWriter) -> None:
    model = _tokenizer()["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    special = {token["content"] for token in _tokenizer()["added_tokens"]}
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in model["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges(merges)
    ids = {token["content"]: token["id"] for token in _tokenizer()["added_tokens"]}
    writer.add_eos_token_id(ids["</s>"])
    writer.add_bos_token_id(ids["<s>"])


def _in_pairs(stem: str, weights: np.ndarray) -> np.ndarray:
    """llama.cpp rotates neighbouring channels, transformers those of two halves: rows of queries and keys change."""
    heads = {"q_proj": HEADS, "k_proj": KEY_VALUE_HEADS}.get(stem.rpartition(".")[2])
    if heads is None:
        return weights
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _tokenizer() -> dict:
    return json.loads((PRESETS["tiny-llama"].folder / "tokenizer.json").read_text(encoding="utf-8"))
