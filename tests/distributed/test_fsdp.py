"""FSDP2 on a CPU, as accelerate and torchrun start it: what one process makes, processes with its parts make too."""

from pathlib import Path
from typing import NamedTuple

import pytest
from checkpoints import save_checkpoint, save_glm
from launching import ACCELERATE, NO_DROPOUT, TORCHRUN, launch, records, train_command
from safetensors.torch import load_file
from torch.testing import assert_close
from transformers import LlamaConfig, LlamaForCausalLM

from reversal_cli.cli import _run, main
from reversal_cli.data.name_description import Options, generate
from reversal_cli.errors import ReversalError
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.spec.experiment import TrainingSpec
from reversal_cli.training.fully_sharded import refuse_unsharded
from reversal_cli.training.resumption import NEW, fault, refuse_other_sharding, seal

SHARING = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
IN_TWO = ("accelerate.commands.launch", "--use_fsdp", "--fsdp_version", "2", *ACCELERATE[2:])
IN_THREE = tuple(word.replace("2", "3") for word in TORCHRUN)
NO_LORA_DROPOUT = ("--set", "training.lora.dropout=0")
FLAGS = {
    "ntp": ("--full",),
    "tied": ("--objective", "bico", "--full"),
    "abi": ("--objective", "abi", "--full"),
    "lora": ("--objective", "bico", "--lora", *NO_LORA_DROPOUT),
}
"""Trainings of 12 steps, a checkpoint after every fourth."""
PARTS = ("__0_0.distcp", "__1_0.distcp")


class Results(NamedTuple):
    one: Path
    """Of a single process."""
    two: Path
    """Of two that share the weights."""
    output: str
    """What the two printed, and later three."""


@pytest.fixture(scope="module")
def results(llama_checkpoint, tmp_path_factory) -> Results:
    """`tied` and `lora` are told to stop, with a checkpoint at step 6 and at the last one, and continued. Three
    processes continue `ntp`, which was cut off after step 8, and a part of whose last checkpoint is damaged."""
    folder = tmp_path_factory.mktemp("fsdp")
    for name in ("tied", "glm"):
        (folder / name).mkdir()
    save_checkpoint(folder / "tied", LlamaConfig, LlamaForCausalLM, bos=True, tie_word_embeddings=True)
    save_glm(folder / "glm", max_sequence_length=512, **NO_DROPOUT)
    models = {"ntp": llama_checkpoint, "tied": folder / "tied", "abi": folder / "glm", "lora": llama_checkpoint}
    data = generate(Options(entities=2, train_templates=2, test_templates=2, validation_templates=1), folder / "data")
    one, two = (
        {name: train_command(folder / out, name, models[name], data, *flags) for name, flags in FLAGS.items()}
        for out in ("one", "two")
    )
    for command in one.values():
        assert main(command) == 0
    stopped = [
        [["stop", step, "0", "terminate"], two[name], two[name]] for name, step in (("tied", "5"), ("lora", "11"))
    ]
    cut_off = [["stop", "10", "0", "interrupt"], two["ntp"]]
    output = launch(IN_TWO, [*stopped[0], *stopped[1], two["abi"], *cut_off])
    checkpoints = folder / "two" / "ntp" / "seed-0" / "checkpoints"
    for part in PARTS:
        assert (checkpoints / "checkpoint-4" / "pytorch_model_fsdp_0" / part).stat().st_size > 4 * 35_000 / 2
    (checkpoints / "checkpoint-8" / "optimizer_0" / PARTS[1]).write_bytes(b"")
    return Results(folder / "one", folder / "two", output + launch(IN_THREE, [two["ntp"]], **SHARING))


@pytest.mark.parametrize("name", FLAGS)
def test_losses_and_gradients_are_those_of_one_process(results, name):
    one, two = (records(folder / name / "seed-0" / "train_log.jsonl") for folder in (results.one, results.two))
    assert [record["step"] for record in two] == [record["step"] for record in one] == [1, 10]
    for key in ("loss", "grad_norm", "learning_rate"):
        assert [record[key] for record in two] == pytest.approx([record[key] for record in one], rel=0, abs=1e-5)
    of_one, of_two = (RunDirectory(folder / name / "seed-0").manifest.training for folder in (results.one, results.two))
    assert (of_one.processes, of_two.processes) == (1, 3 if name == "ntp" else 2)
    for count in ("steps", "rows", "tokens", "labels", "flops", "total_parameters", "trainable_parameters"):
        assert getattr(of_two, count) == getattr(of_one, count) > 0


@pytest.mark.parametrize("name", FLAGS)
def test_the_weights_are_saved_whole_as_by_one_process(results, name):
    one, two = (results.one / name / "seed-0", results.two / name / "seed-0")
    (path,) = one.rglob("*.safetensors")
    weights, expected = load_file(two / path.relative_to(one)), load_file(path)
    assert weights.keys() == expected.keys() and len(expected) >= 20
    assert_close(weights, expected, rtol=0, atol=1e-5)


def test_a_stopped_training_continues_from_parts_and_damage_from_the_checkpoint_before(results):
    for line in ("tied bico: continues from checkpoint-6\n", "bico: continues from checkpoint-12\n"):
        assert results.output.count(line) == 1
    damage = "checkpoints/checkpoint-8: incomplete (optimizer_0/__1_0.distcp differs from its hash)"
    assert f"{damage}, continues from checkpoint-4\n" in results.output
    assert "error:" not in results.output
    for name in FLAGS:
        assert RunDirectory(results.two / name / "seed-0").manifest.training.resumed == (name != "abi")


def test_the_predictions_and_metrics_are_those_of_one_process(results):
    one, two = (folder / "tied" / "seed-0" for folder in (results.one, results.two))
    assert main(["eval", "--no-likelihood", str(one), str(two)]) == 0
    for name in ("metrics.json", *(f"predictions/{path.name}" for path in (one / "predictions").iterdir())):
        assert (two / name).read_text() == (one / name).read_text()


@pytest.fixture
def sharing(monkeypatch):
    place = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    for name, value in {**place, **SHARING}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_curve_and_an_evaluation_need_whole_weights(sharing):
    refuse_unsharded(TrainingSpec(device="cpu"))
    with pytest.raises(
        ReversalError, match=r"^training.eval_every: found 2; expected none with FSDP, where no process"
    ):
        refuse_unsharded(TrainingSpec(eval_every=2))
    code, line = _run(["eval", "x"])
    assert code == 2 and line.startswith("error: ACCELERATE_USE_FSDP: found true for `reversal eval`; expected whole")


def test_a_checkpoint_is_continued_the_way_it_was_written(sharing, tmp_path):
    whole, parts = tmp_path / "checkpoint-4", tmp_path / "checkpoint-8"
    for name in ("trainer_state.json", "scheduler.pt", "rng_state_0.pth", "pytorch_model_fsdp_0/.metadata"):
        (parts / name).parent.mkdir(exist_ok=True, parents=True)
        (parts / name).write_text("")
    seal(parts)
    assert fault(parts) == "complete.json does not list optimizer_0/.metadata"
    whole.mkdir()
    refuse_other_sharding(NEW._replace(checkpoint=parts))
    with pytest.raises(
        ReversalError, match=r"checkpoint-4: was written without FSDP; expected to be continued without"
    ):
        refuse_other_sharding(NEW._replace(checkpoint=whole))
    sharing.delenv("ACCELERATE_USE_FSDP")
    refuse_other_sharding(NEW._replace(checkpoint=whole))
    with pytest.raises(ReversalError, match=r"checkpoint-8: was written with FSDP; expected to be continued with it"):
        refuse_other_sharding(NEW._replace(checkpoint=parts))
