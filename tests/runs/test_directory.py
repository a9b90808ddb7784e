"""The files of a run."""

import json
import lzma
import sys
from pathlib import Path

import pytest
from raw_records import raw_prediction

from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import save_folder
from reversal_cli.files.writing import write_text
from reversal_cli.runs.directory import RunDirectory, run_path, write_json
from reversal_cli.runs.find import find_runs
from reversal_cli.runs.records import CurveRecord, LogRecord, Prediction


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_sorted_and_indented(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": 1\n}\n'


def test_a_cut_last_prediction_is_dropped_and_any_other_is_an_error(tmp_path):
    run = RunDirectory(tmp_path)
    predictions = [Prediction(**raw_prediction(f"N2D/{row}")) for row in range(2)]
    run.append_predictions("N2D", predictions)
    path = run.predictions_path("N2D")
    path.write_text(path.read_text() + '{"id":')
    assert run.read_predictions("N2D") == predictions
    path.write_text('{"id":\n{"id": 1}\n')
    with pytest.raises(
        ReversalError, match=r"N2D\.jsonl:1: broken JSON \(Expecting .*\); .*; restore the file: the run"
    ):
        run.read_predictions("N2D")
    run.model_path.mkdir()
    path.write_bytes(b"\xff\n")
    with pytest.raises(ReversalError, match=r"N2D\.jsonl: byte 0 is not UTF-8; .*; remove the file and"):
        run.read_predictions("N2D")


def test_predictions_packed_by_xz_are_read_as_they_were_and_replaced_by_new_ones(tmp_path):
    run = RunDirectory(tmp_path)
    predictions = [Prediction(**raw_prediction(f"N2D/{row}")) for row in range(2)]
    run.write_predictions("N2D", predictions)
    path = run.predictions_path("N2D")
    packed = path.with_name("N2D.jsonl.xz")
    packed.write_bytes(lzma.compress(path.read_bytes()))
    path.unlink()
    assert run.predictions_path("N2D") == packed
    assert run.read_predictions("N2D") == predictions
    assert run.has_predictions
    run.write_predictions("N2D", predictions)
    assert list(packed.parent.iterdir()) == [packed]
    run.write_predictions("N2D", predictions[:1])
    assert list(packed.parent.iterdir()) == [path]
    assert run.read_predictions("N2D") == predictions[:1]


def test_neither_an_empty_file_nor_what_a_killed_command_was_writing_is_a_prediction(tmp_path):
    run = RunDirectory(tmp_path)
    assert not run.has_predictions
    run.write_predictions("N2D", [])
    (run.all_predictions_path / ".N2D.jsonl.host-1.tmp").write_text("{}")
    assert not run.has_predictions
    run.write_predictions("in-context/N2D", [Prediction(**raw_prediction("N2D/0"))])
    assert run.has_predictions


def test_a_python_without_lzma_says_so(tmp_path, monkeypatch):
    path = tmp_path / "predictions" / "N2D.jsonl.xz"
    path.parent.mkdir()
    path.write_bytes(lzma.compress(b"{}"))
    monkeypatch.setitem(sys.modules, "lzma", None)
    with pytest.raises(ReversalError, match=r"is packed, and this Python has no lzma; .*; unpack it with `xz -d`"):
        RunDirectory(tmp_path).read_predictions("N2D")


@pytest.mark.parametrize("content", [b"no xz", lzma.compress(b"{}\n")[:-5], lzma.compress(b'{"id":\n{}\n')])
def test_a_broken_packed_file_is_one_clear_line(tmp_path, content):
    path = tmp_path / "predictions" / "N2D.jsonl.xz"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ReversalError, match=r"N2D\.jsonl\.xz(:1)?: .*; expected .*; restore the file: the run"):
        RunDirectory(tmp_path).read_predictions("N2D")
    assert path.is_file()


def test_a_folder_that_is_saved_is_whole_or_absent(tmp_path):
    run = RunDirectory(tmp_path)

    def interrupted(folder: Path) -> None:
        folder.mkdir()
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_folder(run.model_path, interrupted)
    assert not run.model_path.exists()
    save_folder(run.model_path, lambda folder: folder.mkdir())
    assert run.model_path.is_dir()
    assert list(run.model_path.iterdir()) == []


def test_only_one_holder_of_the_lock_and_it_is_free_afterwards(tmp_path):
    run = RunDirectory(tmp_path / "run")
    with run.lock(), pytest.raises(ReversalError, match=r"another process \(pid \d+\) is working here"), run.lock():
        pass
    with run.lock():
        pass


def test_clear_removes_what_a_run_wrote_and_nothing_else(tmp_path):
    run = RunDirectory(tmp_path)
    write_json(run.manifest_path, {})
    write_json(run.metrics_path, {})
    run.append_log(LogRecord(step=1, epoch=0.1, loss=2.5))
    run.append_predictions("N2D", [Prediction(**raw_prediction("N2D/0"))])
    run.model_path.mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    run.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_runs_are_found_below_a_folder_and_by_their_own_path(tmp_path):
    for experiment in ("a", "b/c"):
        write_json(run_path(tmp_path, experiment, 0) / "manifest.json", {})
    assert [run.path for run in find_runs([tmp_path])] == [tmp_path / "a/seed-0", tmp_path / "b/c/seed-0"]
    assert len(find_runs([tmp_path / "a/seed-0", tmp_path])) == 2
    with pytest.raises(ReversalError, match="no such folder"):
        find_runs([tmp_path / "nope"])


def test_a_broken_manifest_is_one_clear_line(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(ReversalError, match="has no manifest"):
        _ = run.manifest
    for content, found in {
        b"{": r"broken JSON \(Expecting .*\)",
        b"[]": "found a list",
        b"null": "found null",
        b"\xff": "byte 0 is not UTF-8",
    }.items():
        run.manifest_path.write_bytes(content)
        remedy = "restore it, or make the run again with --overwrite"
        with pytest.raises(ReversalError, match=rf"{found}; expected a JSON object; {remedy}$"):
            _ = run.manifest


def test_a_number_that_is_none_is_neither_written_nor_read(tmp_path):
    run = RunDirectory(tmp_path)
    nan = float("nan")
    prediction = Prediction(**raw_prediction("N2D/0", scores={"contains": nan}))
    for write in (
        lambda: write_json(run.metrics_path, {"a": nan}),
        lambda: run.write_predictions("N2D", [prediction]),
        lambda: run.append_predictions("N2D", [prediction]),
        lambda: run.append_log(LogRecord(step=1, epoch=0.1, loss=nan)),
        lambda: run.append_curve(CurveRecord(epoch=1, step=1, seconds=nan, subtasks={})),
    ):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write()
    run.metrics_path.write_text('{"a": NaN}')
    with pytest.raises(
        ReversalError, match=r"broken JSON \(NaN is not a number\); expected a JSON object; restore the file"
    ):
        _ = run.metrics
