"""Writes small random checkpoints, as `--model FOLDER` gets them."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    PreTrainedTokenizerFast,
)

from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}


GLM4_BLANKS = ("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>")


def byte_tokenizer(bos: bool, glm4: bool = False) -> PreTrainedTokenizerFast:
    """One token per byte, so that every text can be written; with or without a bos in front.

    glm4: with the blanks of GLM-4, whose tokenizer begins every text with two of them.
    """
    special = ["<pad>", "<s>", "</s>", *(GLM4_BLANKS if glm4 else ())]
    vocabulary = {token: index for index, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    if glm4:
        start = [(token, vocabulary[token]) for token in ("[gMASK]", "<sop>")]
        tokenizer.post_processor = processors.TemplateProcessing(single="[gMASK] <sop> $A", special_tokens=start)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>" if bos else None, eos_token="</s>", pad_token="<pad>"
    )


def save_checkpoint(folder, config_class, model_class, bos: bool, glm4: bool = False, **options) -> str:
    torch.manual_seed(0)
    tokenizer = byte_tokenizer(bos, glm4)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": 2, "pad_token_id": 0}
    config = config_class(vocab_size=len(tokenizer) + 5, **ids, **SIZES, **options)
    model_class(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


GLM_ADDED = ("<|startofpiece|>", "<|endofpiece|>", "[CLS]", "[MASK]", "[SEP]", "[UNUSED]", "[gMASK]", "[sMASK]")
GLM_CONFIG = {
    "model_type": "glm",
    "architectures": ["GLMModel"],
    "num_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "max_sequence_length": 128,
    "block_position_encoding": True,
    "relative_encoding": False,
    "output_predict": True,
    "torch_dtype": "float32",
}


def save_glm(folder: Path, **fields: float) -> str:
    """A random GLM of 2022 as it is published: its tokenizer's files, and float16 weights in a pickle."""
    torch.manual_seed(0)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*letters, "he", "Ġa", "<|endoftext|>"])}
    added = {token: len(vocabulary) + index for index, token in enumerate(GLM_ADDED)}
    config = {**GLM_CONFIG, "vocab_size": len(vocabulary) + len(added) + 7, **fields}
    sizes = ("num_layers", "hidden_size", "num_attention_heads", "max_sequence_length", "vocab_size")
    model = GlmAbiModel(GlmAbiConfig(**{field: config[field] for field in sizes}))
    weights = {name: tensor.half() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    files = {"config.json": config, "vocab.json": vocabulary, "added_tokens.json": added}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "merges.txt").write_text("#version: 0.2\nh e\nĠ a\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GLMGPT2Tokenizer"}))
    torch.save(weights, folder / "pytorch_model.bin")
    return str(folder)
