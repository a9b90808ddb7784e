"""Validates experiment and model names; derives run names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.spec.gguf_path import gguf_file
from reversal_cli.spec.grid import NAME_PART
from reversal_cli.spec.presets import PRESETS
from reversal_cli.spec.validation import Setting
from reversal_cli.transforms import TRANSFORMS

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")


def check_model_name(setting: Setting) -> None:
    """Raises ReversalError unless the name is a preset, a checkpoint folder, a GGUF file, or could be a hub id."""
    name = setting.value
    if not name or name in PRESETS:  # an empty one is refused with the other fields
        return
    if gguf_file(name):
        return
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise ReversalError(
                f"{setting.source}: {name} has no config.json; expected the folder of a checkpoint, or of a GGUF file"
            )
        return
    if not HUB_ID.fullmatch(name) and "/" in name:
        raise ReversalError(
            f"{setting.source}: no folder '{name}'; expected a preset ({', '.join(PRESETS)}), the folder of a "
            "checkpoint, a GGUF file, or a hub id such as meta-llama/Llama-2-7b-hf"
        )
    if not HUB_ID.fullmatch(name):
        raise unknown_name(
            setting.source, "model", name, [*PRESETS, "a checkpoint folder", "a GGUF file", "a hub id (org/name)"]
        )


def check_experiment_name(name: str, source: str) -> None:
    """Raises ReversalError unless the name is a safe relative path below the results folder."""
    if not all(NAME_PART.fullmatch(part) for part in name.split("/")):
        raise ReversalError(
            f"{source}: experiment name '{name}' is not a folder name; expected letters, digits and ._+=- "
            "(parts joined by /); choose one with --name or `name = ...`"
        )


def model_stem(name: str) -> str:
    """`meta-llama/Llama-2-7b-hf` -> `Llama-2-7b-hf`."""
    return _slug(Path(name).name or Path(name).resolve().name)


def objective_label(objective: str) -> str:
    """What run names call the objective of this name: `untrained` for `none`."""
    return OBJECTIVE_SPECS[objective]().label  # type: ignore[call-arg]  # every objective has its name by default


def default_name(model: Setting, chosen: Mapping[str, Setting]) -> str:
    """The name of an experiment without one: `tiny-llama-ntp`, `tiny-llama-ntp-reverse`."""
    transform = chosen["transform"].value
    parts = [model_stem(str(model.value)), objective_label(chosen["objective"].value)]
    return "-".join(parts if TRANSFORMS[transform].is_identity else [*parts, transform])


def run_suffixes(runs: Sequence[Sequence[Setting]]) -> list[str]:
    """What the name of each run has behind the experiment's: the values of its own settings but the seed. With their
    keys where two runs would have the same without: `bico_share=0.5` beside `mask_probability=0.5`.

    runs: the settings in which each differs from the others.
    """
    seeds = [next((setting.value for setting in run if setting.key == "seed"), None) for run in runs]
    parts = [[setting for setting in run if setting.key != "seed"] for run in runs]
    short = ["-".join(map(name_part, settings)) for settings in parts]
    if len(set(zip(short, map(str, seeds), strict=True))) == len(runs):
        return short
    return ["-".join(map(_part_with_key, settings)) for settings in parts]


def _part_with_key(setting: Setting) -> str:
    part, key = name_part(setting), setting.key.rpartition(".")[2]
    return part if key in ("name", "path") else f"{key}={part}"


def name_part(setting: Setting) -> str:
    if setting.key in ("model.name", "dataset.path"):
        return model_stem(str(setting.value))
    if setting.key == "objective.name":
        return objective_label(str(setting.value))
    values = setting.value if isinstance(setting.value, list) else [setting.value]
    return "-".join(_slug(str(value)) for value in values)


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+=-]+", "_", text).lstrip(".") or "_"
