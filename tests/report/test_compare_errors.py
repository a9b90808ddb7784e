"""What `reversal compare` refuses: one line each, that names the file."""

import shutil
from pathlib import Path

import pytest
from evaluated_runs import BICO, A, B, change_json, change_predictions, make_evaluated_run, make_two_runs, write_metrics

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.runs.directory import RunDirectory


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[RunDirectory, RunDirectory]:
    monkeypatch.chdir(tmp_path)
    return make_two_runs()


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a comparison that is refused."""
    assert main(["compare", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err.removeprefix("error: ").strip()


def test_a_folder_with_several_seeds_is_refused_with_their_names(capsys):
    make_evaluated_run(Path("results"), "bico", BICO, seed=1)
    expected = f"results/bico: holds 2 runs; expected one; choose from {B}, results/bico/seed-1"
    assert error(capsys, A, "results/bico") == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((A, A), f"{A}: the same run twice; expected two runs"),
        ((A, "results/ntp"), "the same run twice"),
        ((A, "nope"), "nope: no such folder"),
        ((A, "empty"), "empty: holds no run; expected a folder with a manifest.json"),
        (
            (A, B, "--metric", "contain"),
            "--metric: unknown metric 'contain'; did you mean 'contains'? (chrf, contains)",
        ),
        ((A, B, "--format", "xml"), "unknown format 'xml'"),
        ((A,), "Missing argument 'RUN_B'"),
    ],
)
def test_a_mistake_in_the_command_is_one_line(arguments, message, capsys):
    Path("empty").mkdir()
    assert message in error(capsys, *arguments)


def test_an_unfinished_run_is_refused(capsys, runs):
    runs[1].metrics_path.unlink()
    assert error(capsys, A, B) == (
        f"{B}: not finished (no metrics.json); expected an evaluated run; run `reversal eval {B}` first"
    )


def test_other_test_files_are_refused_by_name_and_hash(capsys, runs):
    write_metrics(runs[1], data="b")
    message = error(capsys, A, B)
    assert message.startswith(
        f"{B}/metrics.json: p2d_prompts_test.jsonl has the hash bbbbbbbb, in {A}/metrics.json it is aaaaaaaa"
    )


def test_another_definition_of_the_metric_is_refused(capsys, runs):
    for run, version in zip(runs, ("contains-1", "contains-2"), strict=True):
        write_metrics(run, definitions={"contains": version, "chrf": "chrf-1"})
    assert "contains is defined as contains-2, in results/ntp/seed-0/metrics.json as contains-1" in error(capsys, A, B)
    assert main(["compare", A, B, "--metric", "chrf", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda records: records.pop(), "23 whole predictions; expected 24 (metrics.json)"),
        (lambda records: records.append(records[0]), "1 repeated ids; expected one prediction per prompt"),
        (lambda records: records[2].pop("target"), "N2D.jsonl:3: lacks 'target'; expected a value"),
        (lambda records: records.insert(0, 7), "it is 7; expected a table"),
        (
            lambda records: records[0].update(id="N2D/99"),
            "lacks N2D/0, which results/ntp/seed-0/predictions/N2D.jsonl has",
        ),
        (lambda records: records[1].update(prompt="x"), "N2D/1 has another prompt than in results/ntp"),
        (lambda records: records[1].update(target="x"), "N2D/1 has another target than in results/ntp"),
        (lambda records: records[1].update(entity_id="x"), "N2D/1 has another entity_id than in results/ntp"),
        (lambda records: records[0]["scores"].pop("contains"), "N2D/0 has contains None; expected a score in [0, 1]"),
        (lambda records: records[0]["scores"].update(contains=2), "N2D/0 has contains 2.0; expected a score in [0, 1]"),
        (
            lambda records: records[0]["scores"].update(contains=0.0),
            "contains has the mean 0.625000; expected 0.666667",
        ),
        (
            lambda records: [r["scores"].pop("contains") for r in records],
            "has no contains; expected it, as",
        ),
    ],
)
def test_predictions_that_do_not_belong_are_one_line_with_the_file(change, message, capsys, runs):
    change_predictions(runs[1], "N2D", change)
    found = error(capsys, A, B)
    assert message in found
    assert f"{B}/predictions/N2D.jsonl" in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b'{"id":\n{}\n', "N2D.jsonl:1: broken JSON"),
        (b'{"scores": {"contains": NaN}}\n', "N2D.jsonl:1: broken JSON (NaN is not a number)"),
        (b"\xff\n", "byte 0 is not UTF-8"),
    ],
)
def test_a_missing_or_broken_prediction_file_is_one_line(content, message, capsys, runs):
    path = runs[1].predictions_path("N2D")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert message in error(capsys, A, B)


def test_a_cut_last_prediction_is_missed(capsys, runs):
    path = runs[1].predictions_path("N2D")
    path.write_text(path.read_text()[:-20])
    assert "23 whole predictions; expected 24" in error(capsys, A, B)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("metrics.json", lambda content: content.pop("dataset"), "lacks 'dataset'"),
        ("metrics.json", lambda content: content["subtasks"].pop("D2N"), "lacks 'subtasks.D2N'"),
        ("metrics.json", lambda content: content.update(subtasks=[1]), "subtasks is [1]; expected a table; "),
        ("manifest.json", lambda content: content.pop("spec"), "lacks 'spec'"),
    ],
)
def test_a_file_of_a_run_that_lacks_something_is_one_line(file, change, message, capsys, runs):
    change_json(runs[1].path / file, change)
    found = error(capsys, A, B)
    assert found.startswith(f"{B}/{file}: {message}")
    remedies = {
        "metrics.json": "or train it again with --overwrite",
        "manifest.json": "restore it, or make the run again with --overwrite",
    }
    assert "; expected" in found and found.endswith(f"; {remedies[file]}")


def test_a_run_without_predictions_is_told_so(capsys, runs):
    shutil.rmtree(runs[1].all_predictions_path)
    assert error(capsys, A, B) == f"{B}: this run keeps no predictions; `compare` needs them; compare another run"
    runs[1].model_path.mkdir()
    assert error(capsys, A, B).endswith(f"`compare` needs them; run `reversal eval {B} --overwrite`")


def test_no_advice_removes_the_metrics_of_a_run_without_weights(capsys, runs):
    path = runs[1].predictions_path("N2D")
    path.write_text(path.read_text()[:-20])
    assert "remove" not in error(capsys, A, B)
    runs[1].model_path.mkdir()
    assert error(capsys, A, B).endswith(f"remove {B}/metrics.json and run `reversal eval {B}`")


def test_a_metric_that_was_not_measured_is_told_with_the_command_that_measures_it(capsys, runs):
    both = "--metric mrr: not measured in these runs; `reversal eval RUN --likelihood` for both"
    assert error(capsys, A, B, "--metric", "mrr") == both
    for subtask in SUBTASKS:
        change_predictions(runs[0], subtask, lambda records: [r["scores"].update(mrr=0.5) for r in records])
    write_metrics(runs[0])
    one = f"{B}: mrr not measured in this run; `reversal eval {B} --likelihood`"
    assert error(capsys, A, B, "--metric", "mrr") == one
