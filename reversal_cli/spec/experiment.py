"""The spec of an experiment, one frozen, validated object, from a small TOML or the same as flags.

Precedence, lowest first: field defaults (the published recipe), the preset's own recipe, the TOML file, flags and
`--set section.key=value`.
"""

import hashlib
import json
import re
from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, field_validator

from reversal_cli.data.name_description.options import Options
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.objectives.base import ObjectiveOptions
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.spec.decisive import decisive_content
from reversal_cli.spec.presets import Source
from reversal_cli.statistics.interval_units import Unit
from reversal_cli.transforms import TRANSFORMS
from reversal_cli.transforms.base import TransformOptions
from reversal_cli.transforms.identity import Identity

DEVICES = re.compile(r"auto|(cpu|cuda|mps|xpu)(:\d+)?")
"""Whether this machine has the device is known only with PyTorch, later."""


class Section(BaseModel):
    """Base of every part of a spec. Frozen; an unknown key is an error, and so is NaN, or a value of another type that
    pydantic would convert: `true` for 1, `"1"` for 1, `3.0` for 3."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class DatasetSpec(Section):
    path: str = Field(default="results/data/name_description", min_length=1)
    """A folder in the published layout. When it is absent, the benchmark is generated there."""
    generator: Options | None = None
    """Options of the generated benchmark; the folder must have been made with these. Unset: any folder will do."""
    per_seed: bool = False
    """Every seed has a generated benchmark of its own, in PATH-seed-N: seeds then differ in entities and held-out
    templates too, and stand for what another benchmark would have shown."""


class ModelSpec(Section):
    name: str = Field(default="tiny-llama", min_length=1)
    """A preset, a local checkpoint folder, a GGUF file, or a hub id."""
    source: Source | None = None
    """For a preset with two: package, its GGUF file in a Python package (quantized weights), or hub. Empty: the package
    where it is installed."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    init: Literal["pretrained", "random"] = "pretrained"
    """pretrained, or random: configuration and tokenizer are kept, the weights are drawn anew."""
    gelu: Literal["tanh", "erf"] | None = None
    """GLM only. tanh is what the published weights were trained with, erf what the hub's modelling code computes.
    Unset: as the checkpoint's config says, tanh where it does not."""
    mask_token_id: int | None = Field(default=None, ge=0)
    """GLM only: another id for [MASK], for a checkpoint whose tokenizer names a row that was never trained."""


class LoraSpec(Section):
    """LoRA on every linear layer except lm_head, no bias; defaults as published (Lv et al.)."""

    r: int = Field(default=32, ge=1)
    """Rank of the added matrices."""
    alpha: float = Field(default=16, gt=0)
    """The adapter's output is scaled by alpha / r."""
    dropout: float = Field(default=0.01, ge=0, lt=1)
    """Share of the adapter's inputs that a training step sets to zero."""


class TrainingSpec(Section):
    """One optimizer path for every objective; defaults are the published recipe (Lv et al.)."""

    tuning: Literal["lora", "full"] = "lora"
    """lora: train an adapter, the checkpoint stays frozen. full: train all weights."""
    epochs: int = Field(default=20, ge=1)
    """Epochs of the learning-rate schedule."""
    stop_after_epochs: int | None = Field(default=None, ge=1)
    """Stop here and evaluate (published: 10 of 20). Unset: train all epochs."""
    token_budget: int | None = Field(default=None, ge=1)
    """Train until so many tokens have been read, as the objective lays the rows out: without padding, with masks and
    copies. Decides the number of steps, and so the schedule, in place of epochs. Unset: epochs do."""
    batch_size: int = Field(default=4, ge=1)
    """Examples per optimizer step."""
    learning_rate: float = Field(default=2e-5, gt=0)
    """Peak learning rate of AdamW."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Learning rate after the warm-up: to zero in a line or a half cosine over all epochs, or constant."""
    warmup_steps: int = Field(default=100, ge=0)
    """Optimizer steps in which the learning rate rises from zero to its peak."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decoupled weight decay, per step and unit of learning rate."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """A gradient with a larger norm is scaled down to this one."""
    max_length: int = Field(default=256, ge=2)
    """Tokens per example; a longer one is an error, never cut in silence."""
    lora: LoraSpec = LoraSpec()
    """The adapter, for tuning = "lora"."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Arithmetic: float32, bfloat16, float16, or auto: bfloat16 autocast on GPUs and on CPUs that multiply bfloat16
    (AMX, AVX512_BF16), float32 elsewhere."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps, or auto: a GPU if there is one."""
    gradient_checkpointing: bool = False
    """Computes activations twice, so that a step needs less memory and more time."""
    eval_every: int | None = Field(default=None, ge=1)
    """Epochs between two evaluations on the validation prompts, for curve.jsonl; the last epoch is always evaluated.
    Unset: no such evaluations."""
    eval_limit: int = Field(default=120, ge=1)
    """Prompts per subtask in such an evaluation, spread over entities and templates; all where there are fewer."""
    eval_likelihood: bool = False
    """Also rank the answers of all entities in such an evaluation, so that a recipe can be chosen by rank_top1."""
    save_every_steps: int | None = Field(default=None, ge=1)
    """Optimizer steps between two checkpoints within an epoch; the end of each epoch is always saved. Unset: none but
    those of save_every_minutes."""
    save_every_minutes: float = Field(default=10.0, ge=0)
    """Minutes after which an epoch in progress is saved, or longer, so that a twentieth of the time at most goes into
    it; 0: only ends of epochs are saved."""
    report_to: Literal["none", "tensorboard", "wandb"] = "none"
    """Where the log also goes: tensorboard (into the run's folder) or wandb; none: into train_log.jsonl alone."""

    @field_validator("device")
    @classmethod
    def _is_a_device(cls, device: str) -> str:
        if not DEVICES.fullmatch(device):
            raise ValueError(
                f"'{device[:40]}' is not a device; expected auto, cpu, cuda or mps; auto takes a GPU if there is one"
            )
        return device

    @property
    def last_epoch(self) -> int:
        """Epochs that are trained."""
        return min(self.stop_after_epochs or self.epochs, self.epochs)


class EvaluationSpec(Section):
    batch_size: int = Field(default=64, ge=1)
    """Prompts per generation batch; completions do not depend on it."""
    max_new_tokens: int = Field(default=40, ge=1)
    """Tokens after which a completion is cut."""
    likelihood: bool = True
    """Also measure how likely the model finds the answers of all entities: ranking, log-probability gap and multiple
    choice. Only on request where answers are denoised: each token of each of them takes a pass of its own."""
    controls: bool = True
    """Also ask about the entities trained in both directions, and with the fact in the prompt."""
    retention: bool | str = False
    """Also measure the loss on text like that of the pretraining, in nats per token, which grows as a model forgets.
    true: the generator's corpus, for the embedded bases. For other models it names a text file: its first 500 lines."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Draws wrong answers, options and facts. The same for all runs, so that they answer the same questions."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Precision of the weights. Unset: the arithmetic of the training. bfloat16 is faster where the hardware has it; a
    few completions and ranks then differ."""
    intervals: Unit = "entities-and-templates"
    """What 95 % intervals are over. entities-and-templates: what other entities, asked in other words, may give.
    entities: what other entities may give, asked in these very words. Where the templates of a dataset cannot be
    recognised, always entities."""


class ResourcesSpec(Section):
    """What one run gets of a cluster, with --executor ray; other executors read nothing of it."""

    cpus: int | None = Field(default=None, ge=1)
    """CPUs of a run with --executor ray, and its threads. Unset: 1 beside a GPU; else OMP_NUM_THREADS if set; else the
    most with which all runs fit on the cluster at a time, at least 1."""
    gpus: float | None = Field(default=None, ge=0)
    """GPUs of a run with --executor ray: a whole number, or a fraction for runs that share one. Unset: 1 if
    training.device asks for a GPU, or is auto and the cluster has GPUs; else 0."""

    @field_validator("gpus")
    @classmethod
    def _is_a_share_or_whole(cls, gpus: float | None) -> float | None:
        if gpus is not None and gpus > 1 and gpus % 1:
            raise ValueError(f"{gpus} GPUs cannot be given; expected a fraction of one, or a whole number")
        return gpus


if TYPE_CHECKING:
    ObjectiveSpec = ObjectiveOptions  # a union that is computed is no type to a checker
    TransformSpec = TransformOptions
else:
    ObjectiveSpec = Annotated[Union[(*OBJECTIVE_SPECS.values(),)], Field(discriminator="name")]
    TransformSpec = Annotated[Union[(*TRANSFORMS.values(),)], Field(discriminator="name")]


class ExperimentSpec(Section):
    """Everything that decides the result of one run."""

    name: str = Field(min_length=1)
    """Experiment name: the run goes to RESULTS/<name>/seed-<seed>."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Fixes the order of the rows, masks, dropout and new weights."""
    dataset: DatasetSpec = DatasetSpec()
    model: ModelSpec = ModelSpec()
    objective: ObjectiveSpec = Ntp()
    transform: TransformSpec = Identity()
    training: TrainingSpec = TrainingSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    resources: ResourcesSpec = ResourcesSpec()

    @property
    def method(self) -> str:
        """Objective and transform, for progress lines: `ntp + reverse`."""
        transform = self.transform
        return self.objective.label if transform.is_identity else f"{self.objective.label} + {transform.name}"

    @property
    def shortened_training(self) -> TrainingSpec:
        """The training with the epochs that the transform leaves."""
        divisor, training = self.transform.epoch_divisor, self.training
        stop = training.stop_after_epochs and training.stop_after_epochs // divisor
        return training.model_copy(update={"epochs": training.epochs // divisor, "stop_after_epochs": stop})

    @property
    def digest(self) -> str:
        """Twelve hex digits: same digest, same experiment. What may not change a result is left out."""
        content = decisive_content(self.model_dump(mode="json"))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
