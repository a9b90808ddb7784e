"""A tiny base of each family is made, loads as its family, and learns."""

from pathlib import Path

import pytest
import torch

from reversal_cli.models.checkpoint import family_of
from reversal_cli.models.families import FAMILIES
from reversal_cli.spec.experiment import ModelSpec
from reversal_cli.spec.loading import load_pretraining
from reversal_cli.spec.presets import PRESETS
from reversal_cli.spec.pretraining import PretrainSpec
from reversal_cli.training.pretrain import pretrain

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SMALL = {"people": 3, "sentences": 4, "vocab_size": 300}
TRAINING = {"tuning": "full", "epochs": 4, "batch_size": 4, "learning_rate": 1e-2, "warmup_steps": 0, "device": "cpu"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_of_each_family_is_made_and_loads_as_such(family, tmp_path):
    spec = PretrainSpec(name="x", family=family, **SMALL, training=TRAINING)
    losses = []
    made = pretrain(spec, tmp_path / "base", lambda step, total, loss: losses.append(loss))
    assert made.spec["family"] == family and made.training.steps == 12
    model = ModelSpec(name=str(tmp_path / "base"))
    assert family_of(model) == family
    loaded = FAMILIES[family].load(model, torch.float32, torch.device("cpu"))
    assert loaded.model.get_input_embeddings().num_embeddings == len(loaded.tokenizer)
    assert loaded.tokenizer("Ann Low")["input_ids"][0] < 10


def test_the_tiny_glm_has_two_million_parameters_at_most_and_its_own_masks(tmp_path):
    spec = PretrainSpec(
        name="x", family="glm", people=20, sentences=8, vocab_size=2600, training=TRAINING | {"epochs": 1}
    )
    made = pretrain(spec, tmp_path / "base", lambda step, total, loss: None)
    assert 1_500_000 < made.training.total_parameters < 2_000_000
    assert (tmp_path / "base" / "model.safetensors").stat().st_size < 6_000_000
    loaded = FAMILIES["glm"].load(ModelSpec(name=str(tmp_path / "base")), torch.float32, torch.device("cpu"))
    blanks = loaded.tokens.blanks
    assert len({blanks.mask, blanks.sentence_mask, blanks.long_mask, blanks.sop, blanks.eop, blanks.eos}) == 6


def test_a_glm_pretrained_without_task_masks_knows_one_mask_token(tmp_path):
    spec = PretrainSpec(name="x", family="glm", abi={"task_masks": False}, **SMALL, training=TRAINING | {"epochs": 1})
    pretrain(spec, tmp_path / "base", lambda step, total, loss: None)
    blanks = (
        FAMILIES["glm"].load(ModelSpec(name=str(tmp_path / "base")), torch.float32, torch.device("cpu")).tokens.blanks
    )
    assert blanks.long_mask is None and blanks.sentence_mask == blanks.mask


@pytest.mark.parametrize("preset", [name for name, preset in PRESETS.items() if preset.folder])
def test_each_preset_has_an_experiment_that_makes_it(preset):
    spec = load_pretraining(EXPERIMENTS / f"pretrain-{preset}.toml")
    assert (spec.name, spec.family) == (preset, PRESETS[preset].family)
