"""The published GLM's outputs on a tiny random checkpoint: see README.md beside the files."""

import json
from pathlib import Path

from safetensors.torch import load_file

from reversal_cli.models.glm_modeling import GlmAbiConfig, GlmAbiModel

FOLDER = Path(__file__).parent / "reference" / "glm"
CASES = json.loads((FOLDER / "cases.json").read_text())
SPECIAL = json.loads((FOLDER / "config.json").read_text())["special_ids"]
FIELDS = ("num_layers", "vocab_size", "hidden_size", "num_attention_heads", "max_sequence_length")


def case(name: str) -> dict:
    return load_file(FOLDER / f"{name}.safetensors")


def reference_model(gelu: str, **options) -> GlmAbiModel:
    published = json.loads((FOLDER / "config.json").read_text())
    model = GlmAbiModel(GlmAbiConfig(**{field: published[field] for field in FIELDS}, gelu=gelu, **options))
    missing, unexpected = model.load_state_dict(load_file(FOLDER / "state_dict.safetensors"), strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], [])
    return model.eval()
