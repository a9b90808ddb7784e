"""The datasets of the runs of one command: what stops a later run stops the first one too."""

from pathlib import Path

import pytest
from fake_stages import FakeStages, install

from reversal_cli.cli import main

RUNS = '[dataset]\npath = "data"\n[[runs]]\nseed = 0\n[[runs]]\nseed = 1\ntraining.eval_every = 1\n'


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    return install(monkeypatch, tmp_path)


@pytest.mark.parametrize("command", ["run", "finetune"])
def test_validation_prompts_that_a_later_row_lacks_are_missed_before_the_first_one_is_trained(stages, capsys, command):
    for path in (*Path("data").glob("*_validation.jsonl"), Path("data/dataset.json")):
        path.unlink()
    Path("two.toml").write_text(RUNS)
    assert main([command, "two.toml"]) == 2
    assert "error: data: has no validation prompts" in capsys.readouterr().err
    assert (stages.trained, stages.prompts) == ([], 0)


def test_several_processes_without_a_launcher_are_refused_before_a_dataset_is_generated(stages, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["finetune"]) == 2
    assert "RANK: is not set beside WORLD_SIZE=2" in capsys.readouterr().err
    assert not Path("results/data").exists()
