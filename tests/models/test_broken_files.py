"""Checkpoints, tokenizers and adapters that are not what they should be: one line, before anything large is built."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from reversal_cli.errors import ReversalError
from reversal_cli.models.adapter import load_adapter
from reversal_cli.models.checkpoint import BROKEN
from reversal_cli.models.families import load_checkpoint
from reversal_cli.models.plausibility import refuse_too_many_parameters
from reversal_cli.models.rotary import refuse_other_families
from reversal_cli.spec.experiment import ExperimentSpec, LoraSpec, ModelSpec

LORA = LoraSpec(r=4, alpha=8)


def load(folder: Path, init: str = "pretrained") -> PreTrainedModel:
    spec = ExperimentSpec(name="x", model={"name": str(folder), "init": init})
    return load_checkpoint(spec, torch.float32, torch.device("cpu")).model


def mistake(call: Callable[[], object]) -> str:
    with pytest.raises(ReversalError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.fixture
def llama(llama_checkpoint, tmp_path) -> Path:
    return Path(shutil.copytree(llama_checkpoint, tmp_path / "llama"))


@pytest.fixture
def glm(glm_checkpoint, tmp_path) -> Path:
    return Path(shutil.copytree(glm_checkpoint, tmp_path / "glm"))


@pytest.mark.parametrize("init", ["pretrained", "random"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_size": "32"}, "config.json has hidden_size '32'; it has to be a whole number from 1 to"),
        ({"hidden_size": -1}, "has hidden_size -1; it has to be a whole number"),
        ({"vocab_size": 10**12}, "has vocab_size 1000000000000; it has to be a whole number"),
        ({"num_hidden_layers": 10**7}, "has num_hidden_layers 10000000; it has to be a whole number"),
        ({"num_attention_heads": True}, "has num_attention_heads true; it has to be a whole number"),
        ({"num_attention_heads": 3}, "cannot be loaded"),
        ({"hidden_size": None}, "cannot be loaded"),
        ({"hidden_size": [32]}, "cannot be loaded"),
        ({"vocab_size": None}, "cannot be loaded"),
        ({"num_hidden_layers": [1]}, "cannot be loaded"),
        ({"intermediate_size": [48, 48]}, "cannot be loaded"),
        ({"hidden_act": "gelly"}, "cannot be loaded"),
        ({"rms_norm_eps": "x"}, "cannot be loaded"),
        ({"model_type": {}}, "has model_type {}; it has to be a text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_config_that_is_no_network_is_one_line(fields, message, init, llama):
    change(llama / "config.json", **fields)
    assert message in mistake(lambda: load(llama, init))


@pytest.mark.parametrize("model_type", sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
def test_the_default_config_of_every_causal_model_is_possible(model_type, tmp_path):
    try:
        config = AutoConfig.for_model(model_type)
    except BROKEN:
        pytest.skip(f"transformers has no default {model_type}")
    (tmp_path / "config.json").write_text(config.to_json_string(use_diff=False))
    refuse_other_families(ModelSpec(name=str(tmp_path)))


def test_a_network_that_exceeds_memory_or_its_files_is_not_built(llama, glm):
    change(llama / "config.json", hidden_size=400_000, head_dim=8, intermediate_size=10**6, vocab_size=10**7)
    assert "config.json is of " in mistake(lambda: load(llama))
    assert "GiB, and this machine has" in mistake(lambda: load(llama, "random"))
    change(glm / "config.json", hidden_size=400_000, num_layers=100)
    assert "GiB, and this machine has" in mistake(lambda: load(glm, "random"))


@pytest.mark.parametrize(("dtype", "fits"), [(torch.float32, False), (torch.bfloat16, True)])
def test_new_weights_are_counted_in_their_own_precision(dtype, fits):
    parameters = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 3
    spec = ModelSpec(init="random")
    if fits:
        refuse_too_many_parameters(spec, parameters, dtype)
    else:
        assert "and this machine has" in mistake(lambda: refuse_too_many_parameters(spec, parameters, dtype))


def test_new_weights_do_not_depend_on_the_network_that_was_only_counted(llama):
    first, second = (load(llama, "random").get_input_embeddings().weight for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("field", ["num_layers", "hidden_size", "max_sequence_length"])
@pytest.mark.parametrize("value", [None, "x", -1, 1.5, 10**12])
def test_a_glm_config_that_is_no_network_is_one_line(field, value, glm):
    change(glm / "config.json", **{field: value})
    assert f"has {field} " in mistake(lambda: load(glm))


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"version": "1.0"}', "[" * 100_000, '"x"'])
@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_tokenizer_that_cannot_be_read_is_one_line(file, content, llama):
    (llama / file).write_text(content)
    if (file, content) == ("tokenizer_config.json", '{"version": "1.0"}'):
        assert "has no eos token" in mistake(lambda: load(llama))
    else:
        assert "cannot be loaded" in mistake(lambda: load(llama))


@pytest.fixture
def adapter(llama_checkpoint, tmp_path) -> Path:
    folder = tmp_path / "adapter"
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(load(Path(llama_checkpoint)), config).save_pretrained(folder)
    return folder


def attach(adapter: Path, checkpoint: str) -> PeftModel:
    return load_adapter(load(Path(checkpoint)), adapter, ModelSpec(name=checkpoint), LORA)


def test_a_whole_adapter_is_loaded(adapter, llama_checkpoint):
    adapted = attach(adapter, llama_checkpoint)
    assert adapted.peft_config["default"].r == 4


@pytest.mark.parametrize(
    ("name", "alter", "message"),
    [
        ("missing", lambda tensors: dict(list(tensors.items())[1:]), "1 tensors do not fit the model"),
        ("more", lambda tensors: {**tensors, "x": torch.zeros(1)}, "such as x: [1] in the file, none in the model"),
        ("others", lambda tensors: {f"x.{name}": tensor for name, tensor in tensors.items()}, "do not fit the model"),
        ("shape", lambda tensors: {name: tensor[:1].clone() for name, tensor in tensors.items()}, "cannot be loaded"),
    ],
)
def test_an_adapter_with_other_tensors_is_never_loaded_in_part(name, alter, message, adapter, llama_checkpoint):
    path = adapter / "adapter_model.safetensors"
    save_file(alter(load_file(path)), path)
    found = mistake(lambda: attach(adapter, llama_checkpoint))
    assert found.startswith(f"{adapter}: ")
    assert message in found


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"r": 8}, "has r 8, the run was trained with 4"),
        ({"r": None}, "has r None, the run was trained with 4"),
        ({"lora_alpha": "8"}, "has lora_alpha 8, the run was trained with 8"),
        ({"lora_alpha": 80}, "has lora_alpha 80, the run was trained with 8"),
        ({"peft_type": "PROMPT_TUNING"}, "has peft_type PROMPT_TUNING"),
        ({"target_modules": 0}, "cannot be loaded"),
        ({"task_type": "x"}, "cannot be loaded"),
        ({"rank_pattern": -1}, "cannot be loaded"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_adapter_made_with_other_options_is_one_line(fields, message, adapter, llama_checkpoint):
    change(adapter / "adapter_config.json", **fields)
    assert message in mistake(lambda: attach(adapter, llama_checkpoint))


@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_broken_file_of_an_adapter_is_one_line(file, content, adapter, llama_checkpoint):
    path = adapter / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert mistake(lambda: attach(adapter, llama_checkpoint)).startswith(str(adapter))


def test_a_bug_of_our_own_is_not_a_broken_adapter(adapter, llama_checkpoint, monkeypatch):
    monkeypatch.setattr("reversal_cli.models.adapter.shapes", lambda path: None)
    with pytest.raises(AttributeError):
        attach(adapter, llama_checkpoint)
