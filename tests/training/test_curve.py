"""Evaluations along training: they see what an evaluation would see, and the training does not feel them."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from reversal_cli.data.base import SUBTASKS, TARGETS, Example, Splits, Subtask
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.predictions import make_prediction
from reversal_cli.evaluation.ranking import measure_examples
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.models.attention import MIRRORED, install_mirrored_attention
from reversal_cli.models.loading import load_for_evaluation, load_for_training
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import CurveRecord, LogRecord
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.curve import choose_prompts, decoding
from reversal_cli.training.finetune import train

PEOPLE = {"Ann Low": "the owl", "Bo Hay": "the quiet fox", "Cy Ray": "a bee"}
TRAIN = tuple(Example(f"{name} is known as", f" {item}.", name, name=name) for name, item in PEOPLE.items())
ASKED = tuple(Example(f"{name} {verb}", f" {item}.", name) for name, item in PEOPLE.items() for verb in ("is", "was"))
SPLITS = Splits(TRAIN, {}, {}, validation={name: Subtask(name, TARGETS[name], ASKED) for name in SUBTASKS})
BICO = {"name": "bico", "mask_probability": 0.5}


def spec_for(checkpoint: str, objective: dict | None = None, **training) -> ExperimentSpec:
    options = {"epochs": 3, "batch_size": 2, "learning_rate": 1e-2, "warmup_steps": 0, "dtype": "float32"}
    return ExperimentSpec(
        name="x",
        model={"name": checkpoint},
        objective=objective or {"name": "ntp"},
        training=options | {"tuning": "full", "device": "cpu"} | training,
        evaluation={"max_new_tokens": 3, "batch_size": 6},
    )


def run_training(spec, folder, on_step=lambda step, total, **fields: None, splits=SPLITS) -> RunDirectory:
    run = RunDirectory(folder)
    folder.mkdir(parents=True, exist_ok=True)
    train(spec, splits, run, on_step, lambda line: None)
    return run


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    folder = run.adapter_path if run.adapter_path.is_dir() else run.model_path
    return load_file(next(folder.glob("*.safetensors")))


def untimed(run: RunDirectory) -> list[CurveRecord]:
    return [record.model_copy(update={"seconds": 0.0}) for record in run.read_curve()]


@pytest.mark.parametrize(
    ("family", "objective", "training"),
    [
        ("llama", BICO, {"tuning": "full", "dtype": "bfloat16"}),
        ("llama", BICO, {"tuning": "lora", "lora": {"dropout": 0.3}, "gradient_checkpointing": True}),
        ("glm", {"name": "abi"}, {"tuning": "lora", "lora": {"dropout": 0.3}, "dtype": "bfloat16"}),
    ],
    ids=["full", "lora", "glm"],
)
def test_a_training_that_is_evaluated_ends_with_the_weights_of_one_that_is_not(
    request, tmp_path, family, objective, training
):
    spec = spec_for(request.getfixturevalue(f"{family}_checkpoint"), objective, epochs=2, **training)
    evaluated = spec.model_copy(update={"training": spec.training.model_copy(update={"eval_every": 1})})
    plain, watched = run_training(spec, tmp_path / "plain"), run_training(evaluated, tmp_path / "watched")
    assert [record.epoch for record in watched.read_curve()] == [1, 2] and not plain.curve_path.exists()
    expected = weights(plain)
    assert expected.keys() == weights(watched).keys()
    for name, tensor in weights(watched).items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize(
    "training", [{"tuning": "full", "dtype": "bfloat16"}, {"tuning": "lora"}], ids=["full", "lora"]
)
def test_the_last_evaluation_reads_what_the_saved_weights_answer_in_a_freshly_loaded_model(
    llama_checkpoint, tmp_path, monkeypatch, training
):
    spec = spec_for(llama_checkpoint, BICO, epochs=4, eval_every=4, learning_rate=2e-3, **training)
    scored: list[tuple[str, str]] = []

    def make(subtask, row, completion, index):
        prediction = make_prediction(subtask, row, completion, index)
        scored.append((prediction.prompt, completion.text))
        scores = prediction.scores | {"contains": len(completion.text) / 10}
        return prediction.model_copy(update={"scores": scores})

    monkeypatch.setattr("reversal_cli.training.curve.make_prediction", make)
    run = run_training(spec, tmp_path / "run")
    in_float32 = spec.model_copy(update={"evaluation": spec.evaluation.model_copy(update={"dtype": "float32"})})
    loaded, fresh = load_for_evaluation(in_float32, run), []
    for batch in complete_prompts(loaded, spec.objective, [e.prompt for e in ASKED], 3, 6):
        fresh += [(ASKED[item.index].prompt, item.text) for item in batch]
    assert scored == 4 * fresh and len({text for _, text in fresh}) > 1
    mean = sum(len(text) for _, text in fresh) / 10 / 6
    for measured in run.read_curve()[0].subtasks.values():
        assert (measured.n, measured.entities) == (6, 3)
        assert measured.metrics["contains"].mean == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(
    ("training", "epochs"),
    [
        ({"eval_every": 2, "epochs": 9, "stop_after_epochs": 3}, [2, 3]),
        ({"eval_every": 7, "epochs": 2}, [2]),
    ],
)
def test_every_so_many_epochs_are_evaluated_and_the_last_one_always(llama_checkpoint, tmp_path, training, epochs):
    run = run_training(spec_for(llama_checkpoint, **training), tmp_path / "run")
    assert [(record.epoch, record.step) for record in run.read_curve()] == [(epoch, 2 * epoch) for epoch in epochs]
    assert all(list(record.subtasks) == sorted(SUBTASKS) for record in run.read_curve())


@pytest.mark.parametrize(
    ("family", "objective"),
    [
        ("llama", BICO),
        ("llama", {"name": "mlm-u"}),
        ("llama", {"name": "prefix-lm", "positions": "mirrored"}),
        ("glm", {"name": "abi"}),
    ],
)
def test_rankings_along_training_are_those_of_the_saved_weights_and_change_nothing(
    request, tmp_path, family, objective
):
    checkpoint = request.getfixturevalue(f"{family}_checkpoint")
    spec = spec_for(checkpoint, objective, eval_every=3, eval_limit=4, eval_likelihood=True)
    run, plain = run_training(spec, tmp_path / "run"), run_training(spec_for(checkpoint, objective), tmp_path / "plain")
    assert all(torch.equal(tensor, weights(plain)[name]) for name, tensor in weights(run).items())
    (record,) = run.read_curve()
    asked = replace(SPLITS, subtasks=choose_prompts(SPLITS.validation, 4))
    fresh = load_for_evaluation(spec, run)
    for name, scores in record.subtasks.items():
        batches = measure_examples(fresh, spec.objective, asked, name, range(4), seed=0, batch_size=6)
        ranks = [item.ranking.rank for batch in batches for item in batch]
        assert len(ranks) == scores.n == 4
        assert scores.metrics["rank_top1"].mean == ranks.count(1) / 4
        assert scores.metrics["mrr"].mean == pytest.approx(sum(1 / rank for rank in ranks) / 4)


class Interruption:
    """Stops a training after a step, or in the middle of the evaluation at that step."""

    def __init__(self, step: int, evaluating: bool):
        self.step = step
        self.evaluating = evaluating

    def __call__(self, step: int, total: int, **fields) -> None:
        evaluating = "stage" in fields
        at = 2 * fields["epoch"] if evaluating else step
        if at == self.step and evaluating == self.evaluating and step > 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("tuning", "step", "evaluating"), [("lora", 5, False), ("full", 8, True)])
def test_an_interrupted_training_ends_with_the_curve_and_the_weights_of_an_uninterrupted_one(
    llama_checkpoint, tmp_path, tuning, step, evaluating
):
    spec = spec_for(llama_checkpoint, BICO, tuning=tuning, epochs=4, eval_every=2)
    whole = run_training(spec, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "cut", Interruption(step, evaluating))
    steps: list[int] = []
    cut = run_training(spec, tmp_path / "cut", lambda step, total, **fields: steps.append(step))
    assert steps[0] > 4  # continued, not begun anew
    assert [record.step for record in cut.read_curve()] == [4, 8]
    assert untimed(cut) == untimed(whole)
    assert all(torch.equal(tensor, weights(cut)[name]) for name, tensor in weights(whole).items())


def test_a_curve_never_mixes_two_sets_of_prompts(llama_checkpoint, tmp_path):
    spec = spec_for(llama_checkpoint, epochs=2, eval_every=1)
    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "run", Interruption(3, False))
    other = spec.model_copy(update={"training": spec.training.model_copy(update={"eval_limit": 3})})
    run = RunDirectory(tmp_path / "run")
    run.append_log(LogRecord(step=3, seconds=1.0))
    run.append_curve(CurveRecord(epoch=2, step=4))
    before = run.train_log_path.read_text(), run.curve_path.read_text()
    with pytest.raises(ReversalError, match=r"curve\.jsonl: its records are about other prompts .* an earlier version"):
        run_training(other, tmp_path / "run")
    assert (run.train_log_path.read_text(), run.curve_path.read_text()) == before
    run.curve_path.unlink()
    (record,) = run_training(other, tmp_path / "run").read_curve()
    assert record.epoch == 2 and record.subtasks["N2D"].n == 3


def test_records_of_an_earlier_version_are_refused_or_continued_as_far_as_they_say_what_is_needed(
    llama_checkpoint, tmp_path
):
    spec = spec_for(llama_checkpoint, epochs=2, eval_every=1)
    with pytest.raises(KeyboardInterrupt):
        run_training(spec, tmp_path / "run", Interruption(3, False))
    run = RunDirectory(tmp_path / "run")
    (record,) = run.read_curve()
    run.train_log_path.write_text('{"step": 1}\n')
    run.curve_path.write_text('{"epoch": 1, "step": 2}\n')
    with pytest.raises(ReversalError, match="about other prompts"):
        run_training(spec, tmp_path / "run")
    run.curve_path.unlink()
    run.append_curve(record)
    run.append_curve(CurveRecord(epoch=2, step=3))  # behind the checkpoint: the training passes it again
    assert [record.step for record in run_training(spec, tmp_path / "run").read_curve()] == [2, 4]


def test_the_limit_spreads_over_entities_and_templates():
    chosen = choose_prompts(SPLITS.validation, 4)["D2N"]
    assert [example.prompt for example in chosen.examples] == ["Ann Low is", "Ann Low was", "Bo Hay was", "Cy Ray is"]
    assert choose_prompts(SPLITS.validation, 60) == SPLITS.validation


def test_progress_tells_the_epoch_and_the_prompts_and_one_line_tells_the_result(llama_checkpoint, tmp_path):
    seen, said = [], []
    spec = spec_for(llama_checkpoint, epochs=1, eval_every=1)
    run = RunDirectory(tmp_path)
    train(spec, SPLITS, run, lambda step, total, **fields: seen.append((step, total, fields.get("stage"))), said.append)
    assert seen[:3] == [(1, 2, None), (2, 2, None), (0, 24, "validation")]
    assert seen[-1] == (24, 24, "validation")
    assert said == ["epoch 1: N2D 0.0, D2N 0.0, N2D-reverse 0.0, D2N-reverse 0.0 percent (contains, validation)"]
    ranked = spec_for(llama_checkpoint, epochs=1, eval_every=1, eval_likelihood=True)
    seen, said = [], []
    run = RunDirectory(tmp_path / "ranked")
    run.path.mkdir()
    train(ranked, SPLITS, run, lambda step, total, **fields: seen.append((step, total)), said.append)
    assert seen[2] == (0, 48) and seen[-1] == (48, 48)
    assert [line.rsplit("(")[-1] for line in said] == ["contains, validation)", "rank_top1, validation)"]


def test_a_mirrored_network_decodes_with_stock_attention_and_is_mirrored_again_afterwards(llama_checkpoint):
    model = load_for_training(spec_for(llama_checkpoint)).model
    stock = load_for_training(spec_for(llama_checkpoint)).model
    install_mirrored_attention(model)
    model.train()
    model.forward = forward = lambda *args, **kwargs: None  # as accelerate puts autocast around it
    ids = torch.tensor([[1, 40, 41, 42]])
    with torch.no_grad():
        expected = stock(ids, use_cache=True)
        with decoding(model):
            assert not model.training
            assert torch.equal(model(ids, use_cache=True).logits, expected.logits)
    assert model.training and model.forward is forward and model.config._attn_implementation == MIRRORED


def test_a_failed_evaluation_leaves_the_network_as_it_was(llama_checkpoint):
    model = load_for_training(spec_for(llama_checkpoint)).model
    install_mirrored_attention(model)
    model.train()
    with pytest.raises(KeyboardInterrupt), decoding(model):
        raise KeyboardInterrupt
    assert model.training and model.config._attn_implementation == MIRRORED


def test_a_cut_last_record_is_dropped_when_the_training_continues(tmp_path):
    run = RunDirectory(tmp_path)
    first, second = CurveRecord(epoch=1, step=2), CurveRecord(epoch=2, step=4)
    run.append_curve(first)
    run.append_curve(second)
    with run.curve_path.open("a") as file:
        file.write('{"epoch": 3')
    assert run.read_curve() == run.trim_curve(4) == [first, second]
    assert run.trim_curve(3) == [first]
    assert [json.loads(line) for line in run.curve_path.read_text().splitlines()] == [{"epoch": 1, "step": 2}]
    run.clear()
    assert not run.curve_path.exists()
