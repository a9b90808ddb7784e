"""Files are read and written without loss, whichever version wrote them, and those of a later one are refused."""

import json
from pathlib import Path

import pytest
from evaluated_runs import A, B, change_json, make_two_runs
from raw_records import raw_prediction

from reversal_cli.cli import main
from reversal_cli.files.reading import read_json, read_records
from reversal_cli.files.writing import json_lines
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.find import find_runs
from reversal_cli.runs.records import Arithmetic, LogRecord, Metrics, Prediction

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
RUNS = find_runs([PUBLISHED / "quickstart", PUBLISHED / "quickstart-abi-spans", PUBLISHED / "quickstart-seeds"])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: str(run.path.relative_to(PUBLISHED)))
def test_the_files_of_a_published_run_are_read_and_written_without_loss(run, tmp_path):
    copy = RunDirectory(tmp_path)
    copy.write_manifest(run.manifest)
    assert read_json(copy.manifest_path) == {"version": 1, **read_json(run.manifest_path)}
    copy.write_metrics(run.metrics)
    assert read_json(copy.metrics_path) == {"version": 1, **read_json(run.metrics_path)}
    if run.manifest.spec.objective.name != "none":
        copy.train_log_path.write_text(run.train_log_path.read_text())
        copy.trim_log(10**9)
        assert read_records(copy.train_log_path, "") == read_records(run.train_log_path, "")


def test_what_is_not_given_is_not_written_and_unknown_fields_are_kept():
    assert Arithmetic(dtype="float32", threads=None).content() == {"dtype": "float32", "threads": None}
    stored = {"subtasks": {}, "dataset": {}, "new": {"a": [1]}}
    assert Metrics.model_validate(stored).content() == {"version": 1, **stored}


def test_a_prediction_is_written_byte_for_byte_as_it_was_read():
    ranking = {"rank": 1, "rank_normalized": 2, "candidates": 3, "log_probability": -1.5, "tokens": 2}
    other = {"other_entity": "b", "other_log_probability": -2.25}
    choice = {"options": ["a", "b"], "correct": "A", "chosen": "B"}
    measured = {"id": "N2D/1", "entity_id": "a", "template_id": "t", "prompt": "Ann \u2028", "target": "ü"}
    measured |= {"completion": " x", "stopped": False, "named_entity": None, "scores": {"contains": 0.1}}
    for record in (raw_prediction("N2D/0"), {**measured, "ranking": ranking | other, "choice": choice}):
        assert json_lines([Prediction.model_validate(record).content()]) == json_lines([record])


@pytest.mark.parametrize("file", ["manifest.json", "metrics.json"])
@pytest.mark.parametrize("arguments", [["report"], ["compare", A, B]], ids=["report", "compare"])
def test_a_file_of_a_later_version_is_one_line(file, arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    make_two_runs()
    change_json(Path(B) / file, lambda content: content.update(version=2, subtasks="another form", spec="too"))
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        f"error: {B}/{file}: is of version 2, made by a newer reversal; expected version 1; update reversal\n"
    )


@pytest.mark.parametrize("version", ["x", 0, None])
def test_a_version_that_is_none_is_refused(version, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    make_two_runs()
    change_json(Path(B) / "metrics.json", lambda content: content.update(version=version))
    assert main(["report"]) == 2
    assert f"{B}/metrics.json: version is " in capsys.readouterr().err


def test_lines_of_a_log_have_no_version(tmp_path):
    run = RunDirectory(tmp_path)
    run.append_log(LogRecord(step=1, epoch=0.5, loss=2.0, seconds=0.1))
    assert json.loads(run.train_log_path.read_text()) == {"step": 1, "epoch": 0.5, "loss": 2.0, "seconds": 0.1}
