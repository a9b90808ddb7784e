"""The weight files of a GLM of 2022: shards, and what is broken or dangerous."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from reversal_cli.errors import ReversalError
from reversal_cli.models import checkpoint
from reversal_cli.models.checkpoint import family_of
from reversal_cli.models.glm import load
from reversal_cli.spec.experiment import ModelSpec

CPU = torch.device("cpu")
FLOAT = torch.float32
BIN = "pytorch_model.bin"


@pytest.fixture
def folder(glm_checkpoint, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(glm_checkpoint, tmp_path / "glm"))


def logits(loaded) -> torch.Tensor:
    ids = torch.tensor([[loaded.tokenizer.cls_token_id, 40, 41, loaded.tokens.blanks.mask]])
    with torch.no_grad():
        return loaded.model(ids).logits


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: os.truncate(f / BIN, 9000), r"pytorch_model\.bin: broken or cut off"),
        (lambda f: (f / BIN).write_bytes(b""), r"pytorch_model\.bin: empty"),
        (lambda f: (f / BIN).write_text("<html>"), r"pytorch_model\.bin: no weights of PyTorch"),
        (lambda f: (f / BIN).write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        (lambda f: torch.save([1, 2], f / BIN), "other things than named tensors"),
        (lambda f: torch.save({"a": Path()}, f / BIN), r"a pickle with code, pathlib\S+, which was not run"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x08" + bytes(9)), r"model\.safetensors: broken or cut off"),
    ],
)
def test_a_weight_file_that_is_none_is_one_clear_line(folder, damage, message):
    damage(folder)
    with pytest.raises(ReversalError, match=message) as caught:
        load(ModelSpec(name=str(folder)), FLOAT, CPU)
    assert "\n" not in str(caught.value) and "weights_only" not in str(caught.value)


def shard(folder: Path, shards: int = 3) -> dict[str, list[str]]:
    """Splits pytorch_model.bin as published checkpoints are split; the names of each shard's tensors."""
    weights = torch.load(folder / "pytorch_model.bin")
    (folder / "pytorch_model.bin").unlink()
    names = {f"pytorch_model-{i + 1:05}-of-{shards:05}.bin": list(weights)[i::shards] for i in range(shards)}
    for file, own in names.items():
        torch.save({name: weights[name].clone() for name in own}, folder / file)
    weight_map = {name: file for file, own in names.items() for name in own}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return names


def test_shards_give_the_model_of_the_single_file(glm_checkpoint, folder):
    expected = logits(load(ModelSpec(name=glm_checkpoint), FLOAT, CPU))
    shard(folder)
    loaded = load(ModelSpec(name=str(folder)), FLOAT, CPU)
    assert torch.equal(logits(loaded), expected)
    assert "pytorch_model-00003-of-00003.bin" in loaded.identity["sha256"]


def test_what_is_saved_in_shards_is_loaded_again(glm_checkpoint, tmp_path):
    first = load(ModelSpec(name=glm_checkpoint), FLOAT, CPU)
    first.model.save_pretrained(tmp_path / "saved", max_shard_size="40KB")
    first.tokenizer.save_pretrained(tmp_path / "saved")
    assert len(list((tmp_path / "saved").glob("model-*-of-*.safetensors"))) > 1
    assert torch.equal(logits(load(ModelSpec(name=str(tmp_path / "saved")), FLOAT, CPU)), logits(first))


FIRST, SECOND = (f"pytorch_model-0000{i}-of-00003.bin" for i in (1, 2))
INDEX = "pytorch_model.bin.index.json"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f, names: (f / SECOND).unlink(), f"it has no {SECOND}, which {INDEX} names"),
        (lambda f, names: [(f / name).unlink() for name in names], f"it has no {FIRST}, {SECOND}, .*names"),
        (lambda f, names: os.truncate(f / FIRST, 500), f"{FIRST}: broken or cut off"),
        (lambda f, names: torch.save({}, f / SECOND), r"\d+ missing: "),
        (lambda f, names: shutil.copy(f / FIRST, f / SECOND), r"\d+ missing: .*; \d+ given twice: "),
        (lambda f, names: (f / INDEX).write_text("{}"), f"{INDEX} is not the index"),
        (lambda f, names: (f / INDEX).write_text('{"weight_map": {"x": "../x.bin"}}'), f"{INDEX} is not the index"),
    ],
)
def test_a_damaged_shard_is_one_clear_line(folder, damage, message):
    damage(folder, shard(folder))
    with pytest.raises(ReversalError, match=message) as caught:
        load(ModelSpec(name=str(folder)), FLOAT, CPU)
    assert "\n" not in str(caught.value)


def test_a_hub_checkpoint_out_of_reach_is_told_so(monkeypatch):
    monkeypatch.setattr(checkpoint, "cached_file", lambda *_, **__: None)
    with pytest.raises(ReversalError, match=r"no config\.json .*, or the hub cannot be reached"):
        family_of(ModelSpec(name="org/name"))
