"""Builds a tiny base model: a tokenizer and a network trained from random weights on a corpus of other people.

A Llama is pretrained with NTP, a GLM with ABI, as the large ones are.

The base stands in for a real language model on machines without one. It knows the language and every template, in both
directions, but no person of any benchmark.
"""

import tempfile
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, field_validator
from transformers import set_seed

from reversal_cli.data.berglund import load_rows
from reversal_cli.data.name_description import write_corpus
from reversal_cli.files import file_digest
from reversal_cli.finite_steps import refuse_unusable_weights
from reversal_cli.models.base import refuse_long_rows, tokenize
from reversal_cli.models.tiny import NEW
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import FamilyName
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.provenance import provenance
from reversal_cli.run_directory import write_json
from reversal_cli.saving import save_folder
from reversal_cli.spec import Section, TrainingSpec
from reversal_cli.trainer import OnStep, Task
from reversal_cli.training import fit


class PretrainSpec(Section):
    """How a base is made."""

    kind: Literal["pretrain"] = "pretrain"
    name: str = "tiny-llama"
    family: FamilyName = "rotary"
    """rotary: a Llama, pretrained with NTP; glm: a GLM of 2022, pretrained with ABI."""
    abi: Abi = Abi()
    """GLM only: how its blanks are drawn."""
    people: int = Field(default=400, ge=1)
    """Entities of the corpus, disjoint from every benchmark."""
    sentences: int = Field(default=20, ge=2)
    """Rows per person, half in each direction."""
    vocab_size: int = Field(default=2600, ge=300)
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

    @field_validator("training")
    @classmethod
    def _no_curve(cls, training: TrainingSpec) -> TrainingSpec:
        if training.eval_every is not None:
            raise ValueError("eval_every needs validation prompts; a corpus has none; leave it out")
        return training


def pretrain(spec: PretrainSpec, out: Path, on_step: OnStep) -> dict[str, Any]:
    """Writes weights (bf16 safetensors), tokenizer and pretrain.json into `out`; returns the latter's content."""
    set_seed(spec.seed)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus"
        write_corpus(corpus, people=spec.people, sentences=spec.sentences, seed=spec.seed)
        examples = load_rows(corpus / "corpus.jsonl")
        digest = file_digest(corpus / "corpus.jsonl")
        base = NEW[spec.family](examples, spec.vocab_size, spec.abi)
        rows = tokenize(base.tokenizer, examples, spec.training.max_length)
        refuse_long_rows(rows, base.max_position)
        objective = spec.abi if spec.family == "glm" else Ntp()
        task = Task(rows, base.tokens, objective, spec.training, spec.seed)
        section = fit(base.model, task, Path(scratch) / "checkpoints", on_step, lambda record: None)
    made = {"spec": spec.model_dump(mode="json"), "corpus_sha256": digest, "training": section, **provenance()}

    def save(folder: Path) -> None:
        base.model.to(torch.bfloat16)
        refuse_unusable_weights(base.model, "at the end")
        base.model.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
        write_json(folder / "pretrain.json", made)

    save_folder(out, save)
    return made
