"""The embedded base is what its manifest says, and can be made again."""

import hashlib
import json

import pytest
import torch

from reversal_cli.cli import main
from reversal_cli.data.name_description import write_corpus
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS
from reversal_cli.models import load_for_training
from reversal_cli.models.presets import PRESETS
from reversal_cli.spec import ExperimentSpec

FOLDER = PRESETS["tiny-llama"].folder
MADE = json.loads((FOLDER / "pretrain.json").read_text())


@pytest.fixture(scope="module")
def base():
    return load_for_training(ExperimentSpec(name="x", training={"tuning": "full", "device": "cpu", "dtype": "float32"}))


def test_its_weights_are_small_enough_to_ship():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 6e6


def test_it_is_the_network_its_manifest_describes(base):
    assert base.model.num_parameters() == MADE["training"]["total_parameters"]
    assert len(base.tokenizer) == MADE["spec"]["vocab_size"] == base.model.config.vocab_size
    assert (base.model.config.num_hidden_layers, base.model.config.hidden_size) == (3, 192)


def test_its_corpus_is_the_one_the_generator_writes_today(tmp_path):
    spec = MADE["spec"]
    folder = write_corpus(tmp_path / "c", people=spec["people"], sentences=spec["sentences"], seed=spec["seed"])
    assert hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest() == MADE["corpus_sha256"]


def test_its_tokenizer_takes_one_or_two_tokens_for_a_word_of_a_name(base):
    for words in (BENCHMARK.name_words, CORPUS.name_words):
        assert max(len(base.tokenizer.tokenize(f" {word}")) for word in words) <= 2


def test_text_survives_its_tokenizer(base):
    text = 'Zoë said: "Ω is the last letter", did\tshe?'
    ids = base.tokenizer(text)["input_ids"]
    assert ids[0] == base.tokenizer.bos_token_id
    assert base.tokenizer.decode(ids, skip_special_tokens=True) == text


def test_pretrain_makes_a_base_that_loads(tmp_path, capsys):
    settings = ["--set", "people=4", "--set", "sentences=4", "--set", "training.epochs=1", "--set", "vocab_size=400"]
    assert main(["pretrain", "--out", str(tmp_path / "base"), "--device", "cpu", "--quiet", *settings]) == 0
    spec = ExperimentSpec(name="x", model={"name": str(tmp_path / "base")}, training={"device": "cpu"})
    loaded = load_for_training(spec)
    assert (
        loaded.model.num_parameters()
        == json.loads((tmp_path / "base/pretrain.json").read_text())["training"]["total_parameters"]
    )
    with torch.no_grad():
        logits = loaded.model(torch.tensor([[1, 5, 6]])).logits
    assert logits.shape == (1, 3, len(loaded.tokenizer)) and torch.isfinite(logits).all()
