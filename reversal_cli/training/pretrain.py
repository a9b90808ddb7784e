"""Builds a tiny base model: a tokenizer and a network trained from random weights on a corpus about other entities.

A Llama is pretrained with NTP, a GLM with ABI, as the large ones are.

The base stands in for a real language model on machines without one. It knows the language and every template, in both
directions, but no entity of any benchmark.
"""

import tempfile
from pathlib import Path

import torch
from transformers import set_seed

from reversal_cli.data.berglund import load_rows
from reversal_cli.data.name_description import write_corpus
from reversal_cli.files.folders import save_folder
from reversal_cli.files.writing import file_sha256
from reversal_cli.models.base import refuse_long_rows, tokenize
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.runs.directory import write_json
from reversal_cli.runs.provenance import provenance
from reversal_cli.runs.records import BaseModelRecord
from reversal_cli.spec.pretraining import PretrainSpec
from reversal_cli.training.callbacks import OnStep
from reversal_cli.training.finetune import fit, plan_batches
from reversal_cli.training.finite_steps import refuse_unusable_weights
from reversal_cli.training.tiny_models import NEW
from reversal_cli.training.trainer import TrainingJob


def pretrain(spec: PretrainSpec, out: Path, on_step: OnStep) -> BaseModelRecord:
    """Writes weights (bf16 safetensors), tokenizer and pretrain.json into `out`; returns the content of the last."""
    set_seed(spec.seed)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus"
        write_corpus(corpus, people=spec.people, sentences=spec.sentences, paraphrases=spec.paraphrases, seed=spec.seed)
        examples = load_rows(corpus / "corpus.jsonl")
        digest = file_sha256(corpus / "corpus.jsonl")
        base = NEW[spec.family](examples, spec.vocab_size, spec.abi)
        rows = tokenize(base.tokenizer, examples, spec.training.max_length)
        refuse_long_rows(rows, base.max_position)
        objective = spec.abi if base.tokens.blanks else Ntp()
        job = TrainingJob(rows, base.tokens, objective, spec.training, spec.seed)
        facts = fit(base.model, job, plan_batches(job), Path(scratch) / "checkpoints", on_step, lambda record: None)
    record = BaseModelRecord(
        spec=spec.model_dump(mode="json"), corpus_sha256=digest, training=facts, **provenance().content()
    )

    def save(folder: Path) -> None:
        base.model.to(torch.bfloat16)
        refuse_unusable_weights(base.model, "at the end")
        base.model.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
        write_json(folder / "pretrain.json", record.content())

    save_folder(out, save)
    return record
