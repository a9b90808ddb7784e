"""Model families. Loading for training and for evaluation goes through here."""

import dataclasses

import torch
from peft import PeftModel

from reversal_cli.models import glm, rotary
from reversal_cli.models.base import Family, Loaded
from reversal_cli.models.checkpoint import family_of
from reversal_cli.models.precision import choose_device, choose_dtype
from reversal_cli.models.rotary_blanks import with_blanks
from reversal_cli.objectives.base import FamilyName
from reversal_cli.run_directory import RunDirectory
from reversal_cli.spec import ExperimentSpec, ModelSpec

FAMILIES: dict[FamilyName, Family] = {"rotary": rotary.FAMILY, "glm": glm.FAMILY}


def load_for_training(spec: ExperimentSpec) -> Loaded:
    """The checkpoint with stock attention on the device of the spec, with tokens for blanks where the objective needs
    them.

    Weights that are trained are kept in float32 (autocast does the fast arithmetic); a frozen base under LoRA is kept
    in the dtype of the arithmetic, which halves its memory.
    """
    device = choose_device(spec.training.device)
    dtype = choose_dtype(spec.training.dtype, device)
    frozen = spec.training.tuning == "lora"
    return _load(spec, spec.model, dtype if frozen else torch.float32, device, new=True)


def load_for_evaluation(spec: ExperimentSpec, run: RunDirectory) -> Loaded:
    """The weights of a finished run, or the untouched checkpoint of an untrained one, with stock attention.

    On a CPU evaluation is in float32: it is short, and greedy choices then do not hang on rounding. On a GPU the
    weights have the dtype of the training.
    """
    device = choose_device(spec.training.device)
    dtype = torch.float32 if device.type == "cpu" else choose_dtype(spec.training.dtype, device)
    if run.model_path.is_dir():
        return _load(spec, ModelSpec(name=str(run.model_path)), dtype, device, new=False)
    loaded = _load(spec, spec.model, dtype, device, new=True)
    if not run.adapter_path.is_dir():
        return loaded
    # Merged into the weights, so that decoding costs what the base costs.
    merged = PeftModel.from_pretrained(loaded.model, run.adapter_path).merge_and_unload()
    return dataclasses.replace(loaded, model=merged.eval())


def _load(spec: ExperimentSpec, model: ModelSpec, dtype: torch.dtype, device: torch.device, new: bool) -> Loaded:
    """new: the weights are a checkpoint's, not those of our own training."""
    family = family_of(model)
    loaded = FAMILIES[family].load(model, dtype, device)
    needs_blanks = spec.objective.fills_blanks(family) and loaded.tokens.blanks is None
    return with_blanks(loaded, new) if needs_blanks else loaded
