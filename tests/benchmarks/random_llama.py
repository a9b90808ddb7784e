"""A Llama with random weights for `reversal bench --model FOLDER`, with the tokenizer of tiny-llama:

python tests/benchmarks/random_llama.py /tmp/vocabulary-32000 --vocabulary 32000
"""

import argparse
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from reversal_cli.spec.presets import PRESETS


def random_llama(
    vocabulary: int, width: int = 256, layers: int = 4, heads: int = 4, length: int = 512
) -> LlamaForCausalLM:
    """Untied embeddings, seed 0. length: the most tokens of a row."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=length,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(PRESETS["tiny-llama"].folder)
    model = random_llama(arguments.vocabulary)
    model.config.bos_token_id, model.config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(arguments.folder)
    tokenizer.save_pretrained(arguments.folder)


if __name__ == "__main__":
    main()
