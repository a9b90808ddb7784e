"""The embedded tiny models and their fine-tuning recipes. Plain data: no torch."""

from pathlib import Path
from typing import Any, NamedTuple

from reversal_cli.objectives.base import FamilyName

EMBEDDED = Path(__file__).parents[1] / "models"
"""Where the weights of the embedded bases lie."""


class Preset(NamedTuple):
    """A pretrained base that ships with this package."""

    folder: Path
    """Weights, tokenizer and manifest."""
    family: FamilyName
    summary: str


PRESETS: dict[str, Preset] = {
    "tiny-llama": Preset(EMBEDDED / "tiny_llama", "rotary", "small pretrained Llama that ships with this package"),
    "tiny-glm": Preset(EMBEDDED / "tiny_glm", "glm", "small pretrained GLM that ships with this package"),
}

TINY_LLAMA_CONFIG: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "num_key_value_heads": 3,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}

TINY_GLM_CONFIG: dict[str, Any] = {
    "hidden_size": 192,
    "num_layers": 3,
    "num_attention_heads": 3,
    "max_sequence_length": 255,
    "embedding_dropout_prob": 0.0,
    "attention_dropout_prob": 0.0,
    "output_dropout_prob": 0.0,
}

_TINY_TRAINING = {"tuning": "full", "batch_size": 32, "learning_rate": 2e-3, "warmup_steps": 100}

RECIPES: dict[tuple[str, str], dict[str, Any]] = {
    ("tiny-llama", "ntp"): {"training": {**_TINY_TRAINING, "epochs": 4, "learning_rate": 1e-3}},
    ("tiny-llama", "bico"): {
        "objective": {"mask_probability": [0.05, 0.95], "bico_share": 0.8},
        "training": {**_TINY_TRAINING, "epochs": 14, "learning_rate": 1.4e-3},
    },
    ("tiny-llama", "abi"): {"training": {**_TINY_TRAINING, "epochs": 20, "learning_rate": 1e-3}},
    ("tiny-glm", "ntp"): {"training": {**_TINY_TRAINING, "epochs": 4, "learning_rate": 1e-3}},
    ("tiny-glm", "abi"): {
        "objective": {"task_masks": False, "max_span": 5, "suffix_share": 0.2},
        # Without the weight decay, what a blank inside a sentence teaches stays apart from what an open end asks for.
        "training": {**_TINY_TRAINING, "epochs": 22, "learning_rate": 1e-3, "weight_decay": 1.0},
    },
    ("tiny-glm", "bico"): {
        "objective": {"mask_probability": [0.05, 0.95], "bico_share": 0.8},
        "training": {**_TINY_TRAINING, "epochs": 12},
    },
}
"""(preset, objective) -> what differs from the published recipe, which is the default of every field of the spec."""
