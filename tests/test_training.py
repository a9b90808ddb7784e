"""Training: what is learnt, saved, resumed, and how little depends on how it is computed."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from reversal_cli.data.base import Example, Splits
from reversal_cli.errors import ReversalError
from reversal_cli.models.base import tokenize
from reversal_cli.models.loading import load_for_evaluation, load_for_training
from reversal_cli.objectives.base import IGNORE, TokenIds
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import LogRecord
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.training.batching import BatchPlan
from reversal_cli.training.finetune import train
from reversal_cli.training.labelled import LabelledPositions, filled_up, labelled
from reversal_cli.training.trainer import TrainingJob, trainer_arguments

EXAMPLES = [
    Example(f"{name} is known as", f" {description}.", name)
    for name, description in (
        ("Ann Low", "the owl"),
        ("Bo Hay", "the quiet fox"),
        ("Cy Ray", "a bee"),
        ("Di Orr", "the old red hen"),
        ("Ed Fox", "one ant"),
    )
]
SPLITS = Splits(tuple(EXAMPLES), {}, {})
BICO = {"name": "bico", "mask_probability": 0.5}


def spec_for(checkpoint: str, objective: dict | None = None, **training) -> ExperimentSpec:
    options = {"epochs": 3, "batch_size": 2, "learning_rate": 1e-3, "warmup_steps": 0, "dtype": "float32"}
    return ExperimentSpec(
        name="x",
        model={"name": checkpoint},
        objective=objective or {"name": "ntp"},
        training=options | {"device": "cpu"} | training,
    )


def run_training(spec: ExperimentSpec, folder, on_step=lambda step, total, loss: None) -> tuple[RunDirectory, dict]:
    run = RunDirectory(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return run, train(spec, SPLITS, run, on_step, lambda line: None).facts


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    folder = run.adapter_path if run.adapter_path.is_dir() else run.model_path
    return load_file(next(folder.glob("*.safetensors")))


@pytest.mark.parametrize("objective", [{"name": "ntp"}, BICO], ids=["ntp", "bico"])
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_every_rotary_family_trains_saves_and_reloads_with_stock_attention(checkpoint, objective, tuning, tmp_path):
    spec = spec_for(checkpoint, objective, tuning=tuning)
    run, section = run_training(spec, tmp_path / "run")
    assert section.steps == 9 and section.epochs == 3.0
    assert run.adapter_path.is_dir() == (tuning == "lora") and run.model_path.is_dir() == (tuning == "full")
    assert (section.trainable_parameters < section.total_parameters) == (tuning == "lora")

    loaded = load_for_evaluation(spec, run)
    assert loaded.model.config._attn_implementation == "sdpa"
    before = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    ids = torch.tensor([[1, 40, 41, 42]])
    with torch.no_grad():
        assert not torch.allclose(loaded.model(ids).logits, before(ids).logits, atol=1e-6)


def test_the_loss_falls(llama_checkpoint, tmp_path):
    run, _ = run_training(spec_for(llama_checkpoint, tuning="full", epochs=30, learning_rate=1e-2), tmp_path / "run")
    records = [json.loads(line) for line in run.train_log_path.read_text().splitlines()]
    assert [record["step"] for record in records] == [1, *range(10, 91, 10)]
    assert records[-1]["loss"] < records[0]["loss"] / 2


def test_logits_only_at_labels_give_the_loss_and_gradients_of_all_logits(llama_checkpoint):
    torch.manual_seed(0)
    ids = torch.randint(3, 99, (2, 9))
    labels = torch.where(torch.rand(2, 9) < 0.4, ids, IGNORE)
    labels[:, 4] = ids[:, 4]
    own_labels = torch.cat([labels[:, 1:], torch.full((2, 1), IGNORE)], dim=1)  # the model shifts, we do not
    results = []
    for only_labels in (False, True):
        model = AutoModelForCausalLM.from_pretrained(llama_checkpoint, dtype=torch.float32)
        if only_labels:
            positions, targets = labelled(own_labels)
            with LabelledPositions(model).select(positions):
                logits = model(ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
            assert logits.shape == (filled_up(int((targets != IGNORE).sum())), model.config.vocab_size)
            assert (targets != IGNORE).sum() == (own_labels != IGNORE).sum()
            loss = torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORE)
        else:
            loss = model(ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        results.append((loss.detach(), model.model.embed_tokens.weight.grad, model.lm_head.weight.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_training_continued_from_a_checkpoint_ends_with_the_weights_of_an_uninterrupted_one(
    llama_checkpoint, tmp_path, tuning
):
    spec = spec_for(llama_checkpoint, BICO, tuning=tuning)
    whole, _ = run_training(spec, tmp_path / "whole")

    def interrupt(step: int, total: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "cut", interrupt)
    steps: list[int] = []
    cut, section = run_training(spec, tmp_path / "cut", lambda step, total, loss: steps.append(step))
    assert section.resumed and steps == [4, 5, 6, 7, 8, 9]
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(cut)[name]), name


def test_the_same_spec_gives_the_same_weights_and_another_seed_does_not(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, BICO, tuning="full")
    first, second = (weights(run_training(spec, tmp_path / name)[0]) for name in "ab")
    other = weights(run_training(spec.model_copy(update={"seed": 1}), tmp_path / "c")[0])
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_stops_after_the_given_epochs_of_a_longer_schedule(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="full", epochs=4, stop_after_epochs=2)
    seen: list[tuple[int, int]] = []
    _, section = run_training(spec, tmp_path / "run", lambda step, total, loss: seen.append((step, total)))
    assert section.steps == 6 and section.epochs == 2.0
    assert seen == [(step, 6) for step in range(1, 7)]
    assert section.tokens == 2 * sum(len(row.input_ids) for row in rows_of(spec))


def rows_of(spec: ExperimentSpec):
    return tokenize(load_for_training(spec).tokenizer, EXAMPLES, 256)


def test_gradient_checkpointing_changes_nothing_but_memory(llama_checkpoint, tmp_path):
    runs = [
        run_training(
            spec_for(llama_checkpoint, BICO, tuning="full", gradient_checkpointing=value), tmp_path / str(value)
        )[0]
        for value in (False, True)
    ]
    torch.testing.assert_close(weights(runs[0]), weights(runs[1]), rtol=1e-5, atol=1e-6)


def test_rows_end_with_eos_and_know_where_their_completion_begins(llama_checkpoint, qwen_checkpoint):
    for checkpoint, first in ((llama_checkpoint, [1]), (qwen_checkpoint, [])):
        tokenizer = load_for_training(spec_for(checkpoint)).tokenizer
        row = tokenize(tokenizer, [Example("ab", " cd", "x")], 256)[0]
        assert list(row.input_ids) == [*first, *tokenizer.convert_tokens_to_ids(["a", "b", "Ġ", "c", "d"]), 2]
        assert row.completion_start == len(first) + 2


def test_a_row_that_is_too_long_is_refused_and_never_cut(llama_checkpoint):
    tokenizer = load_for_training(spec_for(llama_checkpoint)).tokenizer
    with pytest.raises(ReversalError, match="training row 2: 12 tokens; expected at most 8"):
        tokenize(tokenizer, [Example("a", " b", "x"), Example("abcdef", " cde", "x")], 8)


def test_random_initialisation_keeps_the_configuration_and_draws_other_weights(llama_checkpoint):
    spec = spec_for(llama_checkpoint)
    stored = load_for_training(spec).model.state_dict()
    drawn = {"model": spec.model.model_copy(update={"init": "random"}), "seed": 7}
    fresh = load_for_training(spec.model_copy(update=drawn))
    assert fresh.model.state_dict().keys() == stored.keys()
    assert not torch.equal(fresh.model.state_dict()["model.embed_tokens.weight"], stored["model.embed_tokens.weight"])
    assert fresh.identity["init"] == "random"


def test_the_identity_names_the_hash_of_every_file(llama_checkpoint):
    identity = load_for_training(spec_for(llama_checkpoint)).identity
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= identity["sha256"].keys()
    assert all(len(digest) == 64 for digest in identity["sha256"].values())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x00" * 40), "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin").write_bytes(b""),
            "cannot be loaded",
        ),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be loaded"),
    ],
    ids=["no-config", "broken-config", "broken-weights", "no-weights", "empty-pickle", "broken-tokenizer"],
)
def test_a_damaged_checkpoint_is_one_clear_line(llama_checkpoint, tmp_path, damage, message):
    folder = tmp_path / "damaged"
    shutil.copytree(llama_checkpoint, folder)
    damage(folder)
    with pytest.raises(ReversalError, match=message) as caught:
        load_for_training(spec_for(str(folder)))
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_refused(llama_checkpoint):
    with pytest.raises(ReversalError, match=r"training\.device\): 'cuda:7' cannot be used"):
        load_for_training(spec_for(llama_checkpoint, device="cuda:7"))


def test_float16_on_a_cpu_is_refused(llama_checkpoint):
    with pytest.raises(ReversalError, match="float16 on a CPU"):
        load_for_training(spec_for(llama_checkpoint, dtype="float16"))


def test_the_log_of_a_continued_training_has_each_step_once(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="full", epochs=20)

    def interrupt(step: int, total: int, loss: float) -> None:
        if step == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "run", interrupt)
    run, _ = run_training(spec, tmp_path / "run")
    records = [json.loads(line) for line in run.train_log_path.read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 10, 20, 30, 40, 50, 60]
    assert [record["seconds"] for record in records] == sorted(record["seconds"] for record in records)


def test_random_weights_under_an_adapter_are_the_same_at_evaluation(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, tuning="lora")
    spec = spec.model_copy(update={"model": spec.model.model_copy(update={"init": "random"}), "seed": 3})
    trained = load_for_training(spec).model.state_dict()
    run, _ = run_training(spec, tmp_path / "run")
    evaluated = load_for_evaluation(spec, run).model.state_dict()
    assert torch.equal(trained["model.embed_tokens.weight"], evaluated["model.embed_tokens.weight"])


def test_weights_that_the_files_lack_are_never_drawn_at_random(llama_checkpoint, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(llama_checkpoint, folder)
    whole = load_file(folder / "model.safetensors")
    save_file({name: tensor for name, tensor in whole.items() if "layers.1." not in name}, folder / "model.safetensors")
    with pytest.raises(ReversalError, match="its files lack weights of its config") as caught:
        load_for_training(spec_for(str(folder)))
    assert "layers.1." in str(caught.value)


def test_a_log_line_cut_by_a_crash_does_not_stop_the_training_from_continuing(tmp_path):
    run = RunDirectory(tmp_path)
    record = LogRecord(step=10, seconds=1.5)
    run.append_log(record)
    with run.train_log_path.open("a") as file:
        file.write('{"step": 20, "sec')
    assert run.trim_log(10) == [record]
    assert run.train_log_path.read_text() == '{"seconds": 1.5, "step": 10}\n'


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_bfloat16_trains_close_to_float32(llama_checkpoint, tmp_path, tuning):
    losses = {}
    for dtype in ("float32", "bfloat16"):
        run, section = run_training(spec_for(llama_checkpoint, BICO, tuning=tuning, dtype=dtype), tmp_path / dtype)
        assert section.dtype == dtype
        losses[dtype] = json.loads(run.train_log_path.read_text().splitlines()[0])["loss"]
        assert all(tensor.dtype == torch.float32 for tensor in weights(run).values())
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.01)
    assert losses["bfloat16"] != losses["float32"]


@pytest.mark.parametrize(("dtype", "expected"), [(torch.float32, "no"), (torch.bfloat16, "bf16")])
def test_the_environment_does_not_choose_the_arithmetic(dtype, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    job = TrainingJob([], TokenIds(0, frozenset()), Ntp(), TrainingSpec(), seed=0)
    arguments = trainer_arguments(job, tmp_path, BatchPlan([5], 4, 20, 0), dtype, torch.device("cpu"))
    assert arguments.mixed_precision == expected


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_every_file_of_a_training_may_be_read_by_whoever_may_read_its_folder(llama_checkpoint, tmp_path, tuning):
    def stop_after_the_first_epoch(step, total, loss):
        if step == 4:
            raise KeyboardInterrupt

    spec = spec_for(llama_checkpoint, tuning=tuning)
    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "run", stop_after_the_first_epoch)
    checkpoint = next((tmp_path / "run" / "checkpoints").glob("checkpoint-3"))
    run, _ = run_training(spec, tmp_path / "other")
    weights = run.adapter_path if tuning == "lora" else run.model_path
    for folder in (checkpoint, weights):
        expected = folder.stat().st_mode & 0o666
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()} == {expected}
