"""The spec of a tiny base model: an experiment file of kind "pretrain" as one frozen object."""

from typing import Literal

from pydantic import Field, field_validator

from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import FamilyName
from reversal_cli.spec.experiment import Section, TrainingSpec


class PretrainSpec(Section):
    """Everything that decides a tiny base model."""

    kind: Literal["pretrain"] = "pretrain"
    name: str = "tiny-llama"
    family: FamilyName = "rotary"
    """rotary: a Llama, pretrained with NTP; glm: a GLM of 2022, pretrained with ABI."""
    abi: Abi = Abi()
    """GLM only: how its blanks are drawn."""
    people: int = Field(default=400, ge=1)
    """Entities of the corpus, disjoint from every benchmark."""
    sentences: int = Field(default=20, ge=2)
    """Sentences per entity in the benchmark's templates, half in each direction."""
    paraphrases: int = Field(default=0, ge=0)
    """Sentences per entity that are put together from parts, half in each direction."""
    vocab_size: int = Field(default=8000, ge=300)
    """Tokens of the byte-level BPE."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    training: TrainingSpec = TrainingSpec(
        tuning="full",
        epochs=12,
        batch_size=32,
        learning_rate=2e-3,
        schedule="cosine",
        warmup_steps=100,
        weight_decay=0.01,
    )

    @field_validator("abi")
    @classmethod
    def _no_items(cls, abi: Abi) -> Abi:
        if abi.span_policy == "entity" or abi.protect != "none":
            raise ValueError(
                "span_policy 'entity' and protect need names and descriptions; a corpus does not tell them"
            )
        return abi

    @field_validator("training")
    @classmethod
    def _no_curve(cls, training: TrainingSpec) -> TrainingSpec:
        if training.eval_every is not None:
            raise ValueError("eval_every needs validation prompts; a corpus has none; leave it out")
        return training
