"""The precision of an evaluation: chosen freely before the first prediction, kept after it."""

from pathlib import Path

import pytest
from fake_stages import FakeStages, install

from reversal_cli.cli import main
from reversal_cli.files.reading import read_json
from reversal_cli.runs.directory import RunDirectory

RUN = RunDirectory(Path("results/x/seed-0"))
EVAL = ["eval", str(RUN.path), "--quiet"]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    """A trained run that has not been evaluated; its model computes in float32 unless told otherwise."""
    fakes = install(monkeypatch, tmp_path)
    assert main(["finetune", "--data", "data", "--name", "x", "--quiet"]) == 0
    return fakes


def test_a_run_without_predictions_is_evaluated_in_any_precision(stages):
    assert main([*EVAL, "--dtype", "bfloat16"]) == 0
    assert stages.loaded[-1].evaluation.dtype == "bfloat16"
    assert RUN.manifest.evaluation.dtype == "bfloat16"
    assert RUN.metrics.evaluation["dtype"] == "bfloat16"


def test_a_file_without_a_prediction_asks_for_nothing(stages):
    RUN.write_predictions("N2D", [])
    assert main([*EVAL, "--dtype", "bfloat16"]) == 0


def test_another_precision_asks_the_model_again_and_only_with_overwrite(stages, capsys):
    assert main(EVAL) == 0
    prompts = stages.prompts
    assert main([*EVAL, "--dtype", "bfloat16"]) == 2
    message = "--dtype: bfloat16; expected the precision of earlier predictions, which are kept (float32); pass"
    assert message in capsys.readouterr().err
    assert main([*EVAL, "--dtype", "bfloat16", "--overwrite"]) == 0
    assert stages.prompts == 2 * prompts
    assert stages.loaded[-1].evaluation.dtype == "bfloat16"
    assert read_json(RUN.metrics_path)["evaluation"]["dtype"] == "bfloat16"


def test_the_precision_that_the_predictions_have_keeps_them(stages):
    assert main(EVAL) == 0
    prompts = stages.prompts
    assert main([*EVAL, "--dtype", "float32"]) == 0
    assert stages.prompts == prompts


def test_predictions_whose_precision_is_not_recorded_are_not_mixed_with_others(stages, capsys):
    assert main(EVAL) == 0
    RUN.write_manifest(RUN.manifest.model_copy(update={"evaluation": None}))
    assert main([*EVAL, "--dtype", "float32"]) == 2
    assert "earlier predictions, which are kept (not recorded); pass --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_an_interrupted_evaluation_continues_in_its_precision_only(stages, capsys, overwrite):
    if overwrite:
        assert main(EVAL) == 0
    stages.interrupt_generation_at = stages.prompts + 3
    assert main([*EVAL, *overwrite, "--dtype", "bfloat16"]) == 130
    stages.interrupt_generation_at = None
    capsys.readouterr()
    assert main([*EVAL, *overwrite]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has predictions made in bfloat16, and this evaluation computes in float32; expected one precision" in line
    assert f"`reversal eval {RUN.path} --dtype bfloat16{' --overwrite' * bool(overwrite)}`" in line
    assert main([*EVAL, *overwrite, "--dtype", "bfloat16"]) == 0
    assert RUN.manifest.evaluation.dtype == "bfloat16"
