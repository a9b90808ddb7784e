"""Which weights are evaluated: those of the run's training, all of them, or none."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from evaluated_runs import change_json
from fake_stages import FakeStages, install
from safetensors.torch import load_file, save_file
from test_training import run_training, spec_for

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.models.loading import load_for_evaluation
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.weights import trained_folder, weights_digests

FINETUNE = ["finetune", "--objective", "bico", "--data", "data", "--name", "x", "--quiet"]
RUN = Path("results/x/seed-0")


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    """A trained and evaluated run of fakes in `results/x/seed-0`."""
    fakes = install(monkeypatch, tmp_path)
    assert main(FINETUNE) == main(["eval", "--quiet"]) == 0
    return fakes


def test_the_manifest_records_the_hash_of_the_weights(stages):
    weights = json.loads((RUN / "manifest.json").read_text())["training"]["weights"]
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert weights == {"model/model.safetensors": empty}


@pytest.mark.parametrize("arguments", [["--overwrite"], ["--limit", "1"]])
def test_a_trained_run_without_its_weights_is_refused_and_keeps_its_metrics(stages, capsys, arguments):
    shutil.rmtree(RUN / "model")
    shutil.rmtree(RUN / "predictions")
    metrics = (RUN / "metrics.json").read_bytes()
    capsys.readouterr()
    assert main(["eval", str(RUN), *arguments, "--quiet"]) == 2
    assert capsys.readouterr().err == (
        "error: results/x/seed-0: has no weights; expected those of its training in model/; "
        "train it again with --overwrite, or copy model/ there\n"
    )
    assert (RUN / "metrics.json").read_bytes() == metrics


def test_weights_that_changed_since_the_training_are_refused(stages, capsys):
    (RUN / "model" / "model.safetensors").write_text("other")
    capsys.readouterr()
    assert main(["eval", str(RUN), "--overwrite", "--quiet"]) == 2
    assert "model/model.safetensors: not as its training wrote it" in capsys.readouterr().err


def test_a_file_of_weights_that_came_later_is_refused(stages, capsys):
    (RUN / "model" / "pytorch_model.bin").write_text("")
    assert main(["eval", str(RUN), "--overwrite", "--quiet"]) == 2
    assert "model/pytorch_model.bin: not as its training wrote it" in capsys.readouterr().err


def test_files_that_loading_does_not_read_are_no_weights(tmp_path):
    run = RunDirectory(tmp_path)
    for folder in (run.adapter_path, run.model_path):
        folder.mkdir()
        for name in ("adapter_model.bin", "training_args.bin", "other.safetensors"):
            (folder / name).write_text("")
    for tuning in ("lora", "full"):
        with pytest.raises(ReversalError, match="has no weights"):
            trained_folder(run, spec_for("x", tuning=tuning))
    assert weights_digests(run) == {}
    for shard in ("model/model-00001-of-00002.safetensors", "adapter/adapter_model.safetensors"):
        (tmp_path / shard).write_text("")
    assert trained_folder(run, spec_for("x", tuning="lora")) == run.adapter_path
    assert trained_folder(run, spec_for("x", tuning="full")) == run.model_path
    assert len(weights_digests(run)) == 2


def test_a_run_that_was_trained_before_hashes_were_recorded_is_evaluated(stages):
    change_json(RUN / "manifest.json", lambda manifest: manifest["training"].pop("weights"))
    (RUN / "model" / "model.safetensors").write_text("other")
    assert main(["eval", str(RUN), "--overwrite", "--quiet"]) == 0


def test_predictions_are_scored_again_without_the_weights_that_made_them(stages):
    shutil.rmtree(RUN / "model")
    (RUN / "metrics.json").unlink()
    assert main(["eval", str(RUN), "--quiet"]) == 0


def test_a_model_folder_in_a_run_with_an_adapter_is_not_evaluated_in_its_place(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="lora")
    run, _ = run_training(spec, tmp_path / "run")
    expected = load_for_evaluation(spec, run).model.state_dict()
    shutil.copytree(llama_checkpoint, run.model_path)
    found = load_for_evaluation(spec, run).model.state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    shutil.rmtree(run.adapter_path)
    with pytest.raises(ReversalError, match="has no weights; expected those of its training in adapter/"):
        load_for_evaluation(spec, run)


def test_an_untrained_run_is_evaluated_with_its_checkpoint_whatever_lies_beside_it(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="full", learning_rate=0.1)
    run, _ = run_training(spec, tmp_path / "run")
    untrained = spec_for(llama_checkpoint, {"name": "none"})
    found = load_for_evaluation(untrained, run).model.state_dict()["lm_head.weight"]
    assert torch.equal(found, load_file(Path(llama_checkpoint) / "model.safetensors")["lm_head.weight"])


def test_a_model_folder_beside_an_untrained_run_does_not_hide_that_its_checkpoint_changed(stages, capsys):
    untrained = Path("results/tiny-llama-untrained/seed-0")
    assert main(["eval", "--model", "tiny-llama", "--data", "data", "--quiet"]) == 0
    shutil.copytree(RUN / "model", untrained / "model")
    change_json(untrained / "manifest.json", lambda manifest: manifest["model"].update(sha256="other"))
    assert main(["eval", str(untrained), "--overwrite", "--quiet"]) == 2
    assert "the checkpoint 'tiny-llama' has changed since the run began (sha256)" in capsys.readouterr().err


def rename(old: str, new: str):
    """Renames every tensor of an adapter."""

    def change(folder: Path) -> None:
        path = folder / "adapter_model.safetensors"
        save_file({name.replace(old, new): tensor for name, tensor in load_file(path).items()}, path)

    return change


def drop_half(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if "layers.1." not in name}, path)


def halve_ranks(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    halves = {name: tensor[: len(tensor) // 2].contiguous() for name, tensor in load_file(path).items()}
    save_file(halves, path)


def configured(**fields: object):
    return lambda folder: change_json(folder / "adapter_config.json", lambda config: config.update(fields))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (configured(peft_type="IA3"), "has peft_type IA3, the run was trained with LORA"),
        (configured(peft_type="PROMPT_TUNING"), "has peft_type PROMPT_TUNING, the run was trained with LORA"),
        (configured(base_model_name_or_path="org/other"), "it was made for 'org/other', the run is of"),
        (configured(target_modules=["dense_h_to_4h"]), r"cannot be loaded \(Target modules"),
        (
            drop_half,
            r"14 tensors do not fit the model, such as .*\.layers\.1\..*: none in the file",
        ),
        (
            rename("layers.1.", "layers.7."),
            r"tensors do not fit the model, such as .*\.layers\.1\.",
        ),
        (halve_ranks, r"cannot be loaded \(.*size mismatch"),
        (lambda folder: (folder / "adapter_config.json").unlink(), r"adapter_config\.json: no such file"),
        (
            lambda folder: (folder / "adapter_config.json").write_text("{"),
            r"adapter_config\.json: broken JSON .*; restore it, or train",
        ),
        (lambda folder: (folder / "adapter_model.safetensors").write_text("x"), r"cannot be loaded"),
    ],
    ids=["ia3", "prompt", "base", "modules", "half", "layers", "ranks", "no-config", "broken-config", "broken"],
)
def test_an_adapter_that_does_not_fit_is_refused_in_one_line(llama_checkpoint, tmp_path, spoil, message):
    spec = spec_for(llama_checkpoint, tuning="lora", epochs=1)
    run, _ = run_training(spec, tmp_path / "run")
    spoil(run.adapter_path)
    with pytest.raises(ReversalError, match=message):
        load_for_evaluation(spec, run)


def test_an_adapter_with_layers_of_a_larger_base_is_refused(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="lora", epochs=1)
    run, _ = run_training(spec, tmp_path / "run")
    path = run.adapter_path / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {name.replace("layers.1.", "layers.7."): t.clone() for name, t in tensors.items()}, path)
    with pytest.raises(ReversalError, match=r"such as base_model\.model\.model\.layers\.7\..*none in the model"):
        load_for_evaluation(spec, run)


def test_a_base_that_moved_to_another_folder_keeps_its_adapters(llama_checkpoint, tmp_path):
    run, _ = run_training(spec_for(llama_checkpoint, tuning="lora", epochs=1), tmp_path / "run")
    moved = tmp_path / "elsewhere" / Path(llama_checkpoint).name
    shutil.copytree(llama_checkpoint, moved)
    spec = spec_for(str(moved), tuning="lora", epochs=1)
    assert load_for_evaluation(spec, run).identity["name"] == str(moved)
