"""The family of a checkpoint, from the content of its config.json. Plain data: no torch, no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import parse_json, read_utf8
from reversal_cli.objectives.base import FamilyName
from reversal_cli.spec.gguf_path import gguf_file
from reversal_cli.spec.presets import PRESETS


def family_of_config(config: Mapping[str, Any]) -> FamilyName:
    """GLM of 2022 (its own fields, or our model type) or anything else.

    "glm" is the model type of GLM-4 too, which has `num_hidden_layers` where the GLM of 2022 has `num_layers`.
    """
    model_type = config.get("model_type")
    own_fields = "num_layers" in config or "block_position_encoding" in config
    is_glm = model_type == "glm_abi" or (model_type == "glm" and own_fields and "num_hidden_layers" not in config)
    return "glm" if is_glm else "rotary"


def known_family(name: str) -> FamilyName | None:
    """The family of a preset, a GGUF file or a folder; None for a hub id, whose files may not be here yet, and for a
    folder that cannot be read; the loader will say why."""
    if name in PRESETS:
        return PRESETS[name].family
    if gguf_file(name):
        return "rotary"  # no GLM of 2022 comes as one
    try:
        config = parse_json(read_utf8(Path(name) / "config.json", "a JSON object"))
    except (ReversalError, ValueError):
        return None
    return family_of_config(config) if isinstance(config, dict) else None
