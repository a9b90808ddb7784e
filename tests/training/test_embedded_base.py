"""Each embedded base is what its manifest says, knows nobody of a benchmark, and can be made again."""

import functools
import hashlib
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from reversal_cli.cli import main
from reversal_cli.data.base import Splits
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate, write_corpus
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.base import Loaded
from reversal_cli.models.loading import load_for_training
from reversal_cli.objectives.untrained import Untrained
from reversal_cli.scoring.matching import contains
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import flag_settings, load_pretraining
from reversal_cli.spec.presets import PRESETS, TINY_GLM_CONFIG, TINY_LLAMA_CONFIG

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SIZES = {"rotary": TINY_LLAMA_CONFIG, "glm": TINY_GLM_CONFIG}


class Base(NamedTuple):
    name: str
    folder: Path
    made: dict
    loaded: Loaded
    sizes: dict


EMBEDDED = [name for name, preset in PRESETS.items() if preset.folder]


@pytest.fixture(scope="module", params=EMBEDDED)
def base(request) -> Base:
    preset = PRESETS[request.param]
    training = {"tuning": "full", "device": "cpu", "dtype": "float32"}
    loaded = load_for_training(ExperimentSpec(name="x", model={"name": request.param}, training=training))
    made = json.loads((preset.folder / "pretrain.json").read_text())
    return Base(request.param, preset.folder, made, loaded, SIZES[preset.family])


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory) -> Splits:
    folder = tmp_path_factory.mktemp("data") / "benchmark"
    generate(Options(), folder)
    return load_folder(folder)


@functools.cache
def corpus_of(people: int, sentences: int, seed: int, paraphrases: int) -> str:
    """The text of the corpus that the generator writes today."""
    options = {"people": people, "sentences": sentences, "seed": seed, "paraphrases": paraphrases}
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_corpus(Path(scratch) / "corpus", **options)
        return (folder / "corpus.jsonl").read_text(encoding="utf-8")


def corpus(base: Base) -> str:
    spec = {"paraphrases": 0} | base.made["spec"]  # the first bases were made before `paraphrases` existed
    return corpus_of(*(spec[key] for key in ("people", "sentences", "seed", "paraphrases")))


def test_its_weights_are_small_enough_to_ship(base):
    assert (base.folder / "model.safetensors").stat().st_size < 6e6


def test_it_is_the_network_its_manifest_describes(base):
    assert base.loaded.model.num_parameters() == base.made["training"]["total_parameters"]
    assert len(base.loaded.tokenizer) == base.made["spec"]["vocab_size"] == base.loaded.model.config.vocab_size
    config = base.loaded.model.config.to_dict()
    assert {field: config[field] for field in base.sizes} == base.sizes


def test_the_experiment_that_makes_it_again_has_the_spec_it_was_made_with(base):
    spec = load_pretraining(EXPERIMENTS / f"pretrain-{base.name}.toml", flag_settings({}, []))
    assert spec_differences(base.made["spec"], spec.model_dump(mode="json")) == []


def test_its_corpus_is_the_one_the_generator_writes_today(base):
    assert hashlib.sha256(corpus(base).encode()).hexdigest() == base.made["corpus_sha256"]


def test_nobody_of_the_benchmark_is_in_its_corpus(base, benchmark):
    text = corpus(base).lower()
    phrases = {phrase.lower() for row in benchmark.train for phrase in (row.name, row.description)}
    assert len(phrases) > 100 and [phrase for phrase in phrases if phrase in text] == []


def test_untrained_it_answers_no_question_of_the_benchmark(base, benchmark):
    examples = [example for subtask in benchmark.subtasks.values() for example in subtask.examples[:2]]
    prompts = [example.prompt for example in examples]
    completions = [c for batch in complete_prompts(base.loaded, Untrained(), prompts, 20, 8) for c in batch]
    assert len(completions) == 8
    assert not any(contains(completion.text, examples[completion.index].completion) for completion in completions)


def test_its_tokenizer_takes_one_or_two_tokens_for_a_word_of_a_name(base):
    for words in (BENCHMARK.name_words, CORPUS.name_words):
        assert max(len(base.loaded.tokenizer.tokenize(f" {word}")) for word in words) <= 2


def test_text_survives_its_tokenizer(base):
    tokenizer = base.loaded.tokenizer
    text = 'Zoë said: "Ω is the last letter", did\tshe?'
    ids = tokenizer(text)["input_ids"]
    assert ids[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id)
    # A first word is read as one after a space, as by Llama's tokenizer: the space comes back.
    assert tokenizer.decode(ids, skip_special_tokens=True) == f" {text}"


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
