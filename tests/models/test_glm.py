"""Loading a GLM of 2022 from its published files, and what is refused."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from checkpoints import save_glm
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from reversal_cli.errors import ReversalError
from reversal_cli.models import glm, rotary
from reversal_cli.models.checkpoint import family_of
from reversal_cli.models.glm import load, looks_untrained
from reversal_cli.spec.experiment import ModelSpec
from reversal_cli.spec.families import family_of_config

CPU = torch.device("cpu")
FLOAT = torch.float32


@pytest.fixture
def folder(glm_checkpoint, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(glm_checkpoint, tmp_path / "glm"))


def edit_config(folder: Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value != "gone"}))


def edit_weights(folder: Path, edit) -> None:
    weights = torch.load(folder / "pytorch_model.bin")
    edit(weights)
    torch.save(weights, folder / "pytorch_model.bin")


def logits(loaded) -> torch.Tensor:
    ids = torch.tensor([[loaded.tokenizer.cls_token_id, 40, 41, loaded.tokens.blanks.mask]])
    with torch.no_grad():
        return loaded.model(ids).logits


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_float16_files_load_into_any_dtype_with_tied_output_layer(glm_checkpoint, dtype):
    loaded = load(ModelSpec(name=glm_checkpoint), dtype, CPU)
    stored = torch.load(Path(glm_checkpoint) / "pytorch_model.bin")
    for name, tensor in stored.items():
        assert torch.equal(loaded.model.state_dict()[name], tensor.to(dtype)), name
    assert loaded.model.lm_head.weight is loaded.model.word_embeddings.weight
    assert not loaded.model.training and loaded.model.config.gelu == "tanh"
    assert not any(parameter.is_meta for parameter in loaded.model.parameters())


def test_every_form_of_the_weight_file_gives_the_same_model(glm_checkpoint, folder, tmp_path):
    expected = logits(load(ModelSpec(name=glm_checkpoint), FLOAT, CPU))
    weights = torch.load(folder / "pytorch_model.bin")
    torch.save({f"glm.{name}": tensor for name, tensor in weights.items()}, folder / "pytorch_model.bin")
    assert torch.equal(logits(load(ModelSpec(name=str(folder)), FLOAT, CPU)), expected)
    torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert torch.equal(logits(load(ModelSpec(name=str(folder)), FLOAT, CPU)), expected)
    (folder / "pytorch_model.bin").unlink()
    save_file(weights, folder / "model.safetensors")
    assert torch.equal(logits(load(ModelSpec(name=str(folder)), FLOAT, CPU)), expected)


def test_what_is_saved_is_recognised_and_loaded_again(glm_checkpoint, tmp_path):
    first = load(ModelSpec(name=glm_checkpoint, gelu="erf"), FLOAT, CPU)
    first.model.save_pretrained(tmp_path / "saved")
    first.tokenizer.save_pretrained(tmp_path / "saved")
    spec = ModelSpec(name=str(tmp_path / "saved"))
    assert family_of(spec) == "glm"
    assert "lm_head.weight" not in load_file(tmp_path / "saved" / "model.safetensors")
    again = load(spec, FLOAT, CPU)
    assert torch.equal(logits(again), logits(first))
    assert again.model.config.gelu == "erf"
    assert again.tokens == first.tokens
    text = "he said [MASK] a [gMASK]"
    assert again.tokenizer(text)["input_ids"] == first.tokenizer(text)["input_ids"]


def test_the_switch_of_the_spec_chooses_the_gelu(glm_checkpoint):
    tanh, erf = (logits(load(ModelSpec(name=glm_checkpoint, gelu=gelu), FLOAT, CPU)) for gelu in ("tanh", "erf"))
    assert not torch.equal(tanh, erf)


def test_auto_classes_would_have_read_the_published_configuration_as_glm_4(glm_checkpoint):
    """Why config.json is read as plain JSON."""
    assert type(AutoConfig.from_pretrained(glm_checkpoint)).__name__ == "GlmConfig"
    assert family_of(ModelSpec(name=glm_checkpoint)) == "glm"


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "glm", "num_layers": 36}, "glm"),
        ({"model_type": "glm", "block_position_encoding": True}, "glm"),
        ({"model_type": "glm_abi"}, "glm"),
        ({"model_type": "glm", "num_hidden_layers": 40}, "rotary"),
        ({"model_type": "glm4", "num_hidden_layers": 40}, "rotary"),
        ({"model_type": "llama", "num_hidden_layers": 40}, "rotary"),
        ({"model_type": "t5", "num_layers": 12}, "rotary"),
    ],
)
def test_the_family_is_told_by_the_content_of_the_configuration(config, family):
    assert family_of_config(config) == family


def test_a_mix_up_of_the_glms_is_refused_either_way(glm_checkpoint, glm4_checkpoint, llama_checkpoint):
    with pytest.raises(ReversalError, match=r"is of a GLM of 2022 .*; expected a causal model with rotary positions"):
        rotary.load(ModelSpec(name=glm_checkpoint), FLOAT, CPU)
    for checkpoint, found in (
        (glm4_checkpoint, r"'glm4' with num_hidden_layers \(GLM-4\)"),
        (llama_checkpoint, "llama"),
    ):
        with pytest.raises(ReversalError, match=f"config.json has model_type .*{found}.*; expected a GLM of 2022"):
            glm.load(ModelSpec(name=checkpoint), FLOAT, CPU)


@pytest.mark.parametrize("model_type", ["chatglm", "t5", None])
def test_a_model_that_needs_its_own_code_or_continues_no_text_is_refused(llama_checkpoint, tmp_path, model_type):
    folder = Path(shutil.copytree(llama_checkpoint, tmp_path / "other"))
    edit_config(folder, model_type=model_type)
    with pytest.raises(ReversalError, match=f"has model_type {model_type!r}; expected a causal language model"):
        rotary.load(ModelSpec(name=str(folder)), FLOAT, CPU)


LAYER = "transformer.layers.0.attention.dense.weight"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: edit_weights(f, lambda w: w.pop(LAYER)), f"1 missing: {LAYER}"),
        (lambda f: edit_weights(f, lambda w: w.update(extra=torch.zeros(1))), "1 unexpected: extra"),
        (
            lambda f: edit_weights(f, lambda w: w.update({LAYER: torch.zeros(32, 31)})),
            rf"1 of another shape: {LAYER} \[32, 31\] instead of \[32, 32\]",
        ),
        (lambda f: edit_config(f, num_layers=3), r"12 missing: .* and 7 more"),
        (lambda f: edit_config(f, num_layers=1), r"12 unexpected: .* and 7 more"),
        (lambda f: edit_config(f, relative_encoding=True), "relative_encoding is True; expected False"),
        (lambda f: edit_config(f, num_layers="gone", block_position_encoding="gone"), "expected a GLM of 2022"),
        (lambda f: edit_config(f, gelu="relu"), "gelu is 'relu'"),
        (lambda f: (f / "config.json").write_text("{"), r"config\.json is not valid JSON"),
        (lambda f: (f / "config.json").unlink(), r"it has no config\.json"),
        (lambda f: (f / "pytorch_model.bin").unlink(), "it has no model.safetensors or pytorch_model.bin"),
        (lambda f: edit_config(f, num_attention_heads=5), "hidden_size is not a multiple of num_attention_heads"),
        (lambda f: edit_config(f, hidden_size="32"), "has hidden_size '32'; it has to be a whole number"),
        (lambda f: (f / "vocab.json").unlink(), r"no vocab\.json; expected the published tokenizer files"),
        (lambda f: (f / "merges.txt").write_text("h e\na b c\n"), r"merges\.txt: line 2 merges no tokens"),
        (lambda f: (f / "merges.txt").write_text("h zz\n"), r"merges\.txt: line 1 merges no tokens"),
        (lambda f: (f / "vocab.json").write_text("[1]"), r"vocab\.json: no table of ids by token"),
        (lambda f: (f / "vocab.json").write_text('{"h": 1, "e": 2, "he": 3}'), r"no <\|endoftext\|>; expected"),
        (lambda f: (f / "vocab.json").write_text("{"), r"vocab\.json: not valid JSON"),
        (lambda f: (f / "added_tokens.json").write_text("{}"), r"no \[MASK\], "),
        (lambda f: (f / "added_tokens.json").write_text(
            json.dumps({"[MASK]": 300, "<|startofpiece|>": 301, "<|endofpiece|>": 302, "[CLS]": 303})
        ), "ids up to 303 but the model has 274 embedding rows"),
    ],
)  # fmt: skip
def test_a_damaged_checkpoint_is_one_clear_line(folder, damage, message):
    damage(folder)
    with pytest.raises(ReversalError, match=message) as caught:
        load(ModelSpec(name=str(folder)), FLOAT, CPU)
    assert "\n" not in str(caught.value)


def test_a_pickle_that_runs_code_is_refused(folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"word_embeddings.weight": Evil()}, folder / "pytorch_model.bin")
    with pytest.raises(ReversalError, match="cannot be loaded"):
        load(ModelSpec(name=str(folder)), FLOAT, CPU)
    assert not (tmp_path / "ran").exists()


def test_random_initialisation_reads_no_weights(folder):
    (folder / "pytorch_model.bin").unlink()
    loaded = load(ModelSpec(name=str(folder), init="random"), torch.bfloat16, CPU)
    assert loaded.model.dtype == torch.bfloat16
    assert loaded.identity["init"] == "random"


def test_a_mask_row_among_the_rows_without_a_token_is_told(folder):
    """Trained rows lie apart; rows that only pad the table stay close together."""
    torch.manual_seed(0)
    embeddings = torch.cat([torch.randn(260, 32), torch.randn(14, 32) * 0.02])
    assert looks_untrained(embeddings, row=262, first_unused=267)
    assert not looks_untrained(embeddings, row=200, first_unused=267)
    assert not looks_untrained(torch.randn(274, 32), row=262, first_unused=267)
    edit_weights(folder, lambda weights: weights.update({"word_embeddings.weight": embeddings}))
    with pytest.warns(
        UserWarning, match=r"the embedding of \[MASK\] \(id 262\) looks like .*; set model.mask_token_id"
    ):
        load(ModelSpec(name=str(folder)), FLOAT, CPU)


def test_another_mask_token_id_silences_the_warning_and_is_what_blanks_use(folder):
    torch.manual_seed(0)
    embeddings = torch.cat([torch.randn(260, 32), torch.randn(14, 32) * 0.02])
    embeddings[270] = torch.randn(32)
    edit_weights(folder, lambda weights: weights.update({"word_embeddings.weight": embeddings}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load(ModelSpec(name=str(folder), mask_token_id=270), FLOAT, CPU)
    assert loaded.tokens.blanks.mask == 270
    assert loaded.tokenizer("a [MASK]")["input_ids"][-2] == 270


def test_a_mask_token_id_that_is_a_word_is_refused(folder):
    with pytest.raises(ReversalError, match=r"model\.mask_token_id: 40 is the token"):
        load(ModelSpec(name=str(folder), mask_token_id=40), FLOAT, CPU)
    with pytest.raises(ReversalError, match=r"model\.mask_token_id: 274; expected less than 274, the embedding rows"):
        load(ModelSpec(name=str(folder), mask_token_id=274), FLOAT, CPU)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells a process its own peak")
def test_the_weights_are_in_memory_once(tmp_path):
    """The peak of a process that loads 100 MB from a file of 50 MB (which is mapped, and counts while it is read).

    Not by `getrusage`, whose peak a process inherits from the one that starts it.
    """
    checkpoint = save_glm(tmp_path, num_layers=8, hidden_size=512)
    code = (
        "import re, sys, torch\n"
        "from reversal_cli.models.glm import load\nfrom reversal_cli.spec.experiment import ModelSpec\n"
        "peak = lambda: 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = peak()\n"
        "loaded = load(ModelSpec(name=sys.argv[1]), torch.float32, torch.device('cpu'))\n"
        "own = sum(parameter.numel() * 4 for parameter in loaded.model.parameters())\n"
        "print((peak() - before) / own)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, checkpoint], capture_output=True, text=True, check=True)
    assert 1 < float(done.stdout) < 1.75
