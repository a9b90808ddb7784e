"""The embedded tiny models and their fine-tuning recipes. Plain data: no torch."""

from pathlib import Path
from typing import Any

PRESETS: dict[str, Path] = {
    "tiny-llama": Path(__file__).parent / "tiny_llama",
}
"""Preset -> folder with its pretrained weights, tokenizer and manifest."""

TINY_LLAMA_CONFIG: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "num_key_value_heads": 3,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}

_TINY_TRAINING = {"tuning": "full", "batch_size": 32, "learning_rate": 2e-3, "warmup_steps": 100}

RECIPES: dict[tuple[str, str], dict[str, Any]] = {
    ("tiny-llama", "ntp"): {"training": {**_TINY_TRAINING, "epochs": 4, "learning_rate": 1e-3}},
    ("tiny-llama", "bico"): {
        "objective": {"mask_probability": [0.05, 0.95], "bico_share": 0.8},
        "training": {**_TINY_TRAINING, "epochs": 12},
    },
}
"""(preset, objective) -> what differs from the published recipe, which is the default of every field of the spec."""
