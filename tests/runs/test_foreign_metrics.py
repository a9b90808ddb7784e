"""A metrics.json that is not the run's own is never reported."""

import json
import shutil
from pathlib import Path

import pytest
from evaluated_runs import change_json
from fake_stages import FakeStages, install

from reversal_cli.cli import main

RUN, OTHER = Path("results/x/seed-0"), Path("results/y/seed-0")
READERS = [["report", "results/x"], ["compare", "results/y", "results/x"], ["eval", "results/x"]]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    """Two evaluated runs of fakes."""
    fakes = install(monkeypatch, tmp_path)
    for name in ("x", "y"):
        assert main(["finetune", "--data", "data", "--name", name, "--quiet"]) == 0
    assert main(["eval", "--quiet"]) == 0
    return fakes


@pytest.mark.parametrize("arguments", READERS, ids=lambda arguments: arguments[0])
def test_the_metrics_of_another_experiment_are_refused(stages, capsys, arguments):
    shutil.copy(OTHER / "metrics.json", RUN / "metrics.json")
    digest = json.loads((OTHER / "manifest.json").read_text())["digest"]
    assert main([*arguments, "--quiet"]) == 2
    assert f"x/seed-0/metrics.json: the metrics of another experiment (digest {digest}); expected" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("arguments", READERS, ids=lambda arguments: arguments[0])
def test_metrics_of_other_data_are_refused(stages, capsys, arguments):
    change_json(RUN / "metrics.json", lambda metrics: metrics["dataset"].update({"p2d_prompts_test.jsonl": "0" * 64}))
    assert main([*arguments, "--quiet"]) == 2
    assert "metrics of other data (p2d_prompts_test.jsonl); expected" in capsys.readouterr().err


def test_metrics_from_before_they_named_their_experiment_are_read(stages):
    change_json(RUN / "metrics.json", lambda metrics: metrics.pop("digest"))
    assert main(["report", "results/x", "--quiet"]) == 0


@pytest.mark.parametrize("data", [None, [1]])
@pytest.mark.parametrize("command", ["eval", "report"])
def test_metrics_of_an_unexpected_form_are_refused_in_one_line(stages, capsys, data, command):
    change_json(RUN / "metrics.json", lambda metrics: metrics.update(dataset=data, definitions={}))
    assert main([command, str(RUN), "--quiet"]) == 2
    assert "metrics.json: dataset is" in capsys.readouterr().err


def test_metrics_of_another_experiment_are_replaced_by_a_new_evaluation(stages):
    shutil.copy(OTHER / "metrics.json", RUN / "metrics.json")
    assert main(["eval", str(RUN), "--overwrite", "--quiet"]) == 0
    assert main(["report", "results/x", "--quiet"]) == 0
