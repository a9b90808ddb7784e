"""Builds a tiny base model: a tokenizer and a network trained from random weights on a corpus of other people.

The base stands in for a real language model on machines without one. It knows the language and every template, in both
directions, but no person of any benchmark.
"""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from reversal_cli.data.base import Example
from reversal_cli.data.berglund import load_rows
from reversal_cli.data.name_description import write_corpus
from reversal_cli.data.name_description.lexicon import BENCHMARK
from reversal_cli.models.base import token_ids, tokenize
from reversal_cli.models.presets import TINY_LLAMA_CONFIG
from reversal_cli.models.rotary import file_digest
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.provenance import provenance
from reversal_cli.run_directory import write_json
from reversal_cli.spec import Section, TrainingSpec
from reversal_cli.trainer import OnStep, Task
from reversal_cli.training import fit

SPECIAL_TOKENS = ["<pad>", "<s>", "</s>"]
WORD_LIST_WEIGHT = 60
"""How often a listed word counts in the tokenizer's statistics: about as often as a word of the corpus occurs."""


class PretrainSpec(Section):
    """How a base is made."""

    kind: Literal["pretrain"] = "pretrain"
    name: str = "tiny-llama"
    people: int = Field(default=400, ge=1)
    """Entities of the corpus, disjoint from every benchmark."""
    sentences: int = Field(default=20, ge=2)
    """Rows per person, half in each direction."""
    vocab_size: int = Field(default=2600, ge=300)
    """Tokens of the byte-level BPE."""
    seed: int = Field(default=0, ge=0)
    training: TrainingSpec = TrainingSpec(
        tuning="full",
        epochs=12,
        batch_size=32,
        learning_rate=2e-3,
        schedule="cosine",
        warmup_steps=100,
        weight_decay=0.01,
    )


def pretrain(spec: PretrainSpec, out: Path, on_step: OnStep) -> dict[str, Any]:
    """Writes weights (bf16 safetensors), tokenizer and pretrain.json into `out`; returns the latter's content."""
    set_seed(spec.seed)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus"
        write_corpus(corpus, people=spec.people, sentences=spec.sentences, seed=spec.seed)
        examples = load_rows(corpus / "corpus.jsonl")
        digest = file_digest(corpus / "corpus.jsonl")
        tokenizer = train_tokenizer(examples, spec.vocab_size)
        model = LlamaForCausalLM(llama_config(tokenizer))
        rows = tokenize(tokenizer, examples, spec.training.max_length)
        task = Task(rows, token_ids(tokenizer), Ntp(), spec.training, spec.seed)
        section = fit(model, task, Path(scratch) / "checkpoints", on_step, lambda record: None)
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    made = {"spec": spec.model_dump(mode="json"), "corpus_sha256": digest, "training": section, **provenance()}
    write_json(out / "pretrain.json", made)
    return made


def train_tokenizer(examples: Sequence[Example], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE on the corpus, with a bos in front of every text, as Llama's tokenizer does.

    The benchmark's name and title words are added as a bare word list. A real model's tokenizer has common names as
    one or two tokens; without the list only the corpus's own names would be. The network never sees these words.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = sorted(BENCHMARK.name_words | BENCHMARK.title_words)
    texts = (example.text for example in examples)
    tokenizer.train_from_iterator(itertools.chain(texts, (f" {word}" for word in words * WORD_LIST_WEIGHT)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


def llama_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **TINY_LLAMA_CONFIG,
    )
