"""`reversal eval` of a run whose dataset lies elsewhere now, and the line that it prints for a run."""

import shutil
from pathlib import Path

import pytest
from fake_stages import FakeStages, install

from reversal_cli.cli import main

RUN = "results/x/seed-0"


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    stages = install(monkeypatch, tmp_path)
    assert main(["finetune", "--objective", "bico", "--data", "data", "--name", "x"]) == 0
    return stages


def test_an_absent_dataset_is_named_with_the_flag_that_helps(stages, capsys):
    shutil.move("data", "copy")
    assert main(["eval", RUN]) == 2
    assert "data: no such folder" in (message := capsys.readouterr().err)
    assert "--data FOLDER" in message
    assert main(["eval", RUN, "--data", "copy"]) == 0
    assert "N2D 100.0" in capsys.readouterr().out


def test_a_copy_that_differs_is_refused(stages, capsys):
    shutil.copytree("data", "copy")
    path = Path("copy/p2d_prompts_test.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    expected = "made with other data: p2d_prompts_test.jsonl in copy differ; name a copy of the run's dataset"
    assert main(["eval", RUN, "--data", "copy"]) == 2
    assert expected in capsys.readouterr().err
    assert main(["eval", RUN]) == 0
    for again in ([], ["--overwrite"]):
        assert main(["eval", RUN, "--data", "copy", *again]) == 2
        assert expected in capsys.readouterr().err
    assert main(["eval", RUN, "--data", "nope"]) == 2
    assert "nope: no such folder" in capsys.readouterr().err


def test_the_subtasks_of_stored_metrics_are_printed_in_the_order_of_the_tables(stages, capsys):
    assert main(["eval", RUN]) == 0
    first = capsys.readouterr().out
    assert first.index("N2D ") < first.index("D2N ") < first.index("N2D-reverse") < first.index("D2N-reverse")
    assert main(["eval", RUN]) == 0
    assert capsys.readouterr().out == first
