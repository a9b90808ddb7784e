"""A published run, without weights and predictions, is complete on every machine."""

import shutil
from pathlib import Path

import pytest
from evaluated_runs import change_json, pack_predictions
from fake_stages import FakeStages, install

from reversal_cli.cli import main
from reversal_cli.files.reading import read_json
from reversal_cli.runs.directory import RunDirectory

RUN = Path("results/x/seed-0")


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    """An evaluated run of fakes, by definitions of an earlier version, without its weights."""
    fakes = install(monkeypatch, tmp_path)
    assert main(["finetune", "--data", "data", "--name", "x", "--quiet"]) == main(["eval", "--quiet"]) == 0
    change_json(RUN / "metrics.json", lambda metrics: metrics["definitions"].update(contains="contains/0"))
    for folder in ("model", "adapter"):
        shutil.rmtree(RUN / folder, ignore_errors=True)
    return fakes


@pytest.mark.parametrize("lost", ["", "N2D.jsonl", "in-context"])
def test_what_cannot_be_scored_again_stays_as_it_is(stages, capsys, lost):
    """Neither without predictions, nor without those of a subtask or of a control."""
    path = RUN / "predictions" / lost
    path.unlink() if path.is_file() else shutil.rmtree(path)
    before = (RUN / "metrics.json").read_bytes()
    assert main(["eval", str(RUN)]) == 0
    assert "already evaluated, by other definitions; it has no weights, and not all" in capsys.readouterr().err
    Path("x.toml").write_text('baseline = false\n[dataset]\npath = "data"\n')
    assert main(["run", "x.toml"]) == 0
    assert (RUN / "metrics.json").read_bytes() == before


def test_predictions_are_enough_to_score_again(stages):
    assert main(["eval", str(RUN), "--quiet"]) == 0
    assert read_json(RUN / "metrics.json")["definitions"]["contains"] == "contains/1"


def test_packed_predictions_are_enough_too_and_stay_packed(stages):
    pack_predictions(RunDirectory(RUN))
    prompts, packed = stages.prompts, list((RUN / "predictions").glob("*.xz"))
    assert main(["eval", str(RUN), "--quiet"]) == 0
    assert stages.prompts == prompts
    assert read_json(RUN / "metrics.json")["definitions"]["contains"] == "contains/1"
    assert len(packed) == 4 and list((RUN / "predictions").glob("*.jsonl*")) == packed


def test_a_training_that_is_complete_is_not_repeated_without_its_weights(stages, capsys):
    for name in ("metrics.json", "predictions"):
        (RUN / name).rename(Path(name))
    (RUN / "curve.jsonl").write_text("{}\n")
    before = (RUN / "manifest.json").read_bytes()
    assert main(["finetune", "--data", "data", "--name", "x"]) == 0
    assert "training is already complete" in capsys.readouterr().err
    assert (RUN / "manifest.json").read_bytes() == before and (RUN / "curve.jsonl").is_file()
    assert main(["finetune", "--data", "data", "--name", "x", "--epochs", "3"]) == 2  # nor replaced by another
