"""`reversal export datasets`: what a reader of the folder gets."""

from pathlib import Path

import datasets
import pytest

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.data.berglund import load_folder

EXPORT = ["export", "datasets", "exported", "--data", "data", "--quiet"]


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path) -> Path:
    monkeypatch.chdir(tmp_path)
    small = ["--entities", "2", "--train-templates", "2", "--test-templates", "2"]
    assert main(["generate", *small, "--out", "data", "--quiet"]) == 0
    return Path("data")


def test_every_split_holds_the_rows_of_its_file_in_order(data, capsys):
    assert main(EXPORT) == 0
    assert capsys.readouterr() == ("", "")
    splits, exported = load_folder(data), datasets.load_from_disk("exported")
    expected = {"train": splits.train, "both": splits.both}
    for name in SUBTASKS:
        expected[name.replace("-", "_")] = splits.subtasks[name].examples
        expected[f"{name.replace('-', '_')}_validation"] = splits.validation[name].examples
    assert exported.keys() == expected.keys()
    for name, rows in expected.items():
        fields = exported[name].column_names
        assert exported[name].to_list() == [{field: getattr(row, field) for field in fields} for row in rows]


def test_splits_that_the_dataset_lacks_are_absent(data):
    for path in (*data.glob("*_validation.jsonl"), data / "both_prompts_test.jsonl"):
        path.unlink()
    assert main(EXPORT) == 0
    assert list(datasets.load_from_disk("exported")) == ["train", "N2D", "D2N", "N2D_reverse", "D2N_reverse"]


def test_it_is_said_how_to_read_it(capsys):
    assert main(EXPORT[:-1]) == 0
    assert '`datasets.load_from_disk("exported")`' in capsys.readouterr().err


def test_an_older_export_is_replaced_only_with_overwrite_and_nothing_else_ever(capsys):
    assert main(EXPORT) == 0
    assert main(EXPORT) == 2
    assert "exported: is not empty" in capsys.readouterr().err
    assert main([*EXPORT, "--overwrite"]) == 0
    Path("exported/thesis.tex").write_text("years of work")
    assert main([*EXPORT, "--overwrite"]) == 2
    assert "holds 'thesis.tex'" in capsys.readouterr().err
