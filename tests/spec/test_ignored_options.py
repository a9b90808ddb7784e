"""Options of the command line and of training that would make no difference are refused, each in one line."""

from pathlib import Path

import pytest
from evaluated_runs import A, B, make_two_runs

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.bico import Bico
from reversal_cli.spec.grid import MOST_RUNS
from reversal_cli.spec.loading import flag_settings, load_experiment, load_pretraining


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def load(*assignments: str, text: str = ""):
    Path("x.toml").write_text(text)
    return load_experiment(Path("x.toml"), flag_settings({}, assignments))


@pytest.mark.parametrize(
    ("assignments", "key", "why"),
    [
        (["model.revision=main"], "model.revision", "a checkpoint of the hub"),
        (["training.lora.r=3"], "training.lora.r", "training.tuning is 'full'"),
        (["training.tuning=full", "training.lora={dropout=0.5}", "model.name=org/x"], "training.lora.dropout", "LoRA"),
        (["objective.name=none", "training.epochs=3"], "training.epochs", "objective 'none' has none"),
        (["objective.name=none", "training.eval_every=1"], "training.eval_every", "objective 'none' has none"),
        (["training.stop_after_epochs=5"], "training.stop_after_epochs", "training.epochs is 4"),
        (["training.eval_limit=5"], "training.eval_limit", "training.eval_every is not given"),
        (
            ["objective.name=bico", "objective.bico_share=0", "objective.mask_probability=0.3"],
            "objective.mask_probability",
            "bico_share is 0",
        ),
    ],
)
def test_a_setting_that_makes_no_difference_is_refused(assignments, key, why):
    with pytest.raises(ReversalError, match=rf"^--set: '{key}' has no effect here: .*{why}"):
        load(*assignments)


@pytest.mark.parametrize(
    "assignments",
    [
        ["model.name=org/x", "model.revision=main", "training.lora.r=3"],
        ["objective.name=none", "training.device=cpu", "training.dtype=float32"],
        ["training.stop_after_epochs=4"],
        ["training.eval_every=1", "training.eval_limit=5"],
    ],
)
def test_a_setting_that_makes_a_difference_is_taken(assignments):
    assert len(load(*assignments).specs) == 1


def test_run_refuses_allowed_leaks_for_a_base_model(capsys):
    Path("base.toml").write_text("kind = 'pretrain'")
    assert main(["run", "base.toml", "--allow-leaks", "--dry-run"]) == 2
    assert capsys.readouterr().err == (
        "error: --allow-leaks: has no effect here: base.toml makes a base model, which is neither fine-tuned nor "
        "evaluated; remove it\n"
    )


def test_a_file_for_several_points_keeps_what_one_of_them_heeds():
    grid = "[training.lora]\nr = 3\n[grid]\n'training.tuning' = ['lora', 'full']"
    assert [spec.training.lora.r for spec in load(text=grid).specs] == [3, 32]
    rows = "training.epochs = 3\n[[runs]]\nobjective.name = 'none'\n[[runs]]\nobjective.name = 'ntp'"
    assert [spec.training.epochs for spec in load(text=rows).specs] == [20, 3]


def test_options_of_objectives_that_another_option_silences():
    assert Bico(bico_share=1).unused("rotary").keys() == {"loss_on"}
    assert "max_span" in Abi(suffix_share=1).unused("rotary")
    assert "mask_ratio" in Abi(span_policy="random", token_share=0, sentence_share=0).unused("rotary")


@pytest.mark.parametrize(
    "assignment",
    [
        "training.tuning=lora",
        "training.lora.r=3",
        "training.gradient_checkpointing=true",
        "training.eval_limit=3",
        "training.save_every_steps=3",
        "training.save_every_minutes=3.0",
    ],
)
def test_a_base_model_refuses_what_its_training_does_not_read(assignment):
    with pytest.raises(ReversalError, match=r"^--set: 'training\..*' has no effect here"):
        load_pretraining(None, flag_settings({}, [assignment]))
    assert load_pretraining(None, flag_settings({}, ["training.tuning=full"])).training.tuning == "full"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "base.toml", "--require", "ntp: N2D > 3"],
            "--require: has no effect here: base.toml makes a base model",
        ),
        (["eval", A, "--out", "other"], "--out: has no effect here"),
        (["eval", A, "--limit", "1", "--controls"], "--controls: has no effect here: controls are left out with"),
        (["report", "--published", "--format", "csv"], "--published: has no effect here"),
        (["report", "--metric", "chrf", "--format", "json"], "--metric: has no effect here"),
        (["compare", A, B, "--json", "--format", "csv"], "--format csv: has no effect here"),
        (["generate", "--check", "data", "--overwrite"], "--overwrite: has no effect here"),
        (["generate", "--check", "data", "--corpus"], "--corpus: has no effect here"),
        (["finetune", "--set", "baseline=false"], "--set baseline: has no effect here"),
        (["finetune", "--full", "--set", "training.lora.r=3"], "--set: 'training.lora.r' has no effect here"),
        (["finetune", "--objective", "none", "--epochs", "3"], "--epochs: 'training.epochs' has no effect here"),
        (["eval", "--model", "tiny-llama", "--revision", "x"], "--revision: 'model.revision' has no effect here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_flag_that_makes_no_difference_is_refused(arguments, message, capsys):
    make_two_runs()
    Path("base.toml").write_text('kind = "pretrain"\n')
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: {message}")


def test_a_grid_of_a_million_runs_is_counted_and_not_made():
    numbers = list(range(1, 1001))
    with pytest.raises(ReversalError, match=r"x\.toml: 1,000,000 runs .*1000 seed x 1000 training\.epochs"):
        load(text=f"[grid]\nseed = {numbers}\n'training.epochs' = {numbers}")
    with pytest.raises(ReversalError, match="1,001 runs"):
        load(text=f"[grid]\nseed = {list(range(MOST_RUNS + 1))}")
