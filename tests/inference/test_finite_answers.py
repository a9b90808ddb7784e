"""A model that computes NaN or infinity is never given a score."""

import json
import math
from pathlib import Path

import pytest
import torch
from fake_stages import FakeStages, install
from torch import nn

from reversal_cli.cli import main
from reversal_cli.data.base import Splits
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.ranking import measure_examples
from reversal_cli.inference.complete import complete_prompts
from reversal_cli.inference.finite import NotFiniteError, finite_rows, refuse_not_finite
from reversal_cli.models.base import Loaded
from reversal_cli.models.loading import load_for_training
from reversal_cli.spec.experiment import ExperimentSpec

MODELS = [("tiny-llama", {"name": "ntp"}), ("tiny-llama", {"name": "abi"}), ("tiny-glm", {"name": "ntp"})]
PROMPTS = ["Known for", "The one who", "zzz zzz"]
SOUND, NAN, INFINITE = 1.0, math.nan, math.inf


def load(name: str, objective: dict) -> tuple[Loaded, ExperimentSpec]:
    training = {"tuning": "full", "device": "cpu", "dtype": "float32"}
    spec = ExperimentSpec(name="x", model={"name": name}, objective=objective, training=training)
    return load_for_training(spec), spec


def poison(loaded: Loaded, text: str, value: float) -> None:
    """Multiplies the logits by `value` wherever the model reads one of the tokens of `text`."""
    poisonous = torch.tensor(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])
    reads: list[torch.Tensor] = []

    def read(module: nn.Module, args: tuple, kwargs: dict) -> None:
        reads[:] = [torch.isin(kwargs["input_ids"], poisonous).any(dim=1)]

    def spoil(module: nn.Module, args: tuple, kwargs: dict, output):
        output.logits = torch.where(reads[0][:, None, None], output.logits.abs() * value, output.logits)
        return output

    loaded.model.register_forward_pre_hook(read, with_kwargs=True)
    loaded.model.register_forward_hook(spoil, with_kwargs=True)


@pytest.mark.parametrize("value", [NAN, INFINITE])
@pytest.mark.parametrize(("name", "objective"), MODELS)
def test_logits_that_are_no_numbers_stop_the_completions_and_name_the_prompt(name, objective, value):
    loaded, spec = load(name, objective)
    poison(loaded, "zzz", value)
    with pytest.raises(ReversalError, match="the prompt 'zzz zzz': the model computes NaN or infinity; expected num"):
        list(complete_prompts(loaded, spec.objective, PROMPTS, 4, batch_size=3))
    whole = list(complete_prompts(loaded, spec.objective, PROMPTS[:2], 4, batch_size=3))
    assert len(whole[0]) == 2


@pytest.fixture(scope="module")
def splits(tmp_path_factory) -> Splits:
    options = Options(entities=2, train_templates=2, test_templates=1)
    return load_folder(generate(options, tmp_path_factory.mktemp("small") / "dataset"))


@pytest.mark.parametrize(("name", "objective"), MODELS)
def test_likelihoods_that_are_no_numbers_stop_the_ranking_and_name_the_prompt(name, objective, splits):
    loaded, spec = load(name, objective)
    prompt = splits.subtasks["D2N"].examples[0].prompt
    poison(loaded, prompt, NAN)
    with pytest.raises(NotFiniteError) as caught:
        list(measure_examples(loaded, spec.objective, splits, "D2N", [0], 0, 4))
    assert caught.value.where == f"the prompt {prompt!r}"


def test_letters_that_are_no_numbers_stop_the_multiple_choice(splits):
    loaded, spec = load(*MODELS[0])
    poison(loaded, "Answer:", NAN)
    with pytest.raises(NotFiniteError, match="the prompt "):
        list(measure_examples(loaded, spec.objective, splits, "D2N", [0], 0, 4))


def test_what_is_computed_after_a_completion_has_ended_does_not_count():
    steps = [torch.tensor([True, True]), torch.tensor([True, False])]
    refuse_not_finite(steps, [2, 1])
    with pytest.raises(NotFiniteError) as caught:
        refuse_not_finite(steps, [2, 2])
    assert caught.value.row == 1


def test_a_token_that_is_never_to_be_written_is_no_fault():
    logits = torch.tensor([[1.0, -math.inf], [1.0, NAN], [math.inf, 0], [-math.inf, -math.inf]])
    assert finite_rows(logits).tolist() == [True, False, False, False]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    return install(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("stage", "label"), [("complete_prompts", "N2D"), ("measure_examples", "N2D likelihood")], ids=["text", "ranking"]
)
def test_the_evaluation_stops_with_the_run_the_subtask_and_the_prompt(stages, monkeypatch, capsys, stage, label):
    def broken(*_: object) -> None:
        raise NotFiniteError(0, "the prompt 'Known for'")

    module = {"complete_prompts": "inference.complete", "measure_examples": "evaluation.ranking"}[stage]
    assert main(["finetune", "--data", "data", "--name", "x", "--quiet"]) == 0
    monkeypatch.setattr(f"reversal_cli.{module}.{stage}", broken)
    assert main(["eval", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        f"error: results/x/seed-0: {label}: the prompt 'Known for': the model computes NaN or infinity; "
        "expected numbers; its weights are broken or too large for its dtype: train it again, or evaluate it in "
        "float32 with --device cpu\n"
    )
    assert not Path("results/x/seed-0/metrics.json").exists()


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_metric_that_is_no_number_is_refused_by_every_reader_in_one_line(stages, capsys, number):
    assert main(["finetune", "--data", "data", "--name", "x", "--quiet"]) == main(["eval", "--quiet"]) == 0
    metrics = Path("results/x/seed-0/metrics.json")
    metrics.write_text(metrics.read_text().replace('"mean": 1.0', f'"mean": {number}', 1))
    for arguments in (["report"], ["report", "--require", "ntp: N2D <= 100"], ["compare", "results/x", "results/x"]):
        capsys.readouterr()
        assert main(arguments) == 2
        assert f"metrics.json: broken JSON ({number} is not a number)" in capsys.readouterr().err


def test_a_prediction_with_a_score_that_is_no_number_is_refused(stages, capsys):
    assert main(["finetune", "--data", "data", "--name", "x", "--quiet"]) == main(["eval", "--quiet"]) == 0
    predictions = Path("results/x/seed-0/predictions/N2D.jsonl")
    records = [json.loads(line) for line in predictions.read_text().splitlines()]
    records[0]["scores"]["contains"] = NAN
    predictions.write_text("".join(json.dumps(record) + "\n" for record in records))
    Path("results/x/seed-0/metrics.json").unlink()
    assert main(["eval", "--quiet"]) == 2
    assert "N2D.jsonl:1: broken JSON" in capsys.readouterr().err


def test_a_requirement_never_holds_for_a_mean_that_is_null(stages, capsys):
    assert main(["finetune", "--data", "data", "--name", "x", "--quiet"]) == main(["eval", "--quiet"]) == 0
    metrics = Path("results/x/seed-0/metrics.json")
    content = json.loads(metrics.read_text())
    content["subtasks"]["N2D"]["metrics"]["mrr"]["mean"] = None
    metrics.write_text(json.dumps(content))
    assert main(["report", "--metric", "mrr", "--require", "ntp: N2D <= 100", "--quiet"]) == 2
    assert "subtasks.N2D.metrics.mrr.mean is None; expected a number" in capsys.readouterr().err
