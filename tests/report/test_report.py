"""Finished runs -> frame -> tables -> files."""

import csv
import io
import json
import math

import pytest
from report_measures import add_likelihood
from report_runs import BICO, make_results, make_run
from rich.console import Console

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import read_json
from reversal_cli.report import (
    accuracy_tables,
    check_requirements,
    csv_text,
    json_text,
    load_results,
    markdown,
    rich_table,
    write_reports,
)
from reversal_cli.report.metric_names import metric_title
from reversal_cli.report.page.headline import headline_html
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.scoring import METRICS, TEXT_SCORES
from reversal_cli.streams import BROKEN_PIPE, PipeClosedError


@pytest.fixture
def results(tmp_path):
    return make_results(tmp_path)


def accuracy_rows(results) -> list[list[str]]:
    return accuracy_tables(load_results([results]).frame)[0].rows


def test_the_frame_has_a_line_per_run_subtask_and_metric(results):
    frame = load_results([results]).frame
    assert len(frame) == 4 * len(SUBTASKS) * len(TEXT_SCORES)
    one = frame.query("experiment == 'bico' and seed == 1 and subtask == 'N2D-reverse' and metric == 'contains'")
    line = one.iloc[0].to_dict()
    assert (line["value"], line["low"], line["high"]) == pytest.approx((0.65, 0.55, 0.75))
    assert (line["model"], line["objective"], line["n"], line["entities"]) == ("tiny-llama", "bico", 300, 30)
    assert line["settings"] == "full, 10 epochs, batch 32, lr 0.001"


def test_the_table_shows_the_baseline_first_every_seed_and_their_mean(results):
    """0.75 and 0.65: mean 70, sample standard deviation sqrt(2 * 5**2) = 7.07."""
    assert accuracy_rows(results) == [
        ["untrained", "none", "0", "0.0 [0, 10]", "0.0 [0, 10]", "0.0 [0, 10]", "0.0 [0, 10]"],
        ["ntp", "ntp", "0", "36.0 [26, 46]", "100.0 [90, 100]", "0.0 [0, 10]", "0.0 [0, 10]"],
        ["bico", "bico", "0", "35.0 [25, 45]", "100.0 [90, 100]", "75.0 [65, 85]", "2.0 [0, 12]"],
        ["bico", "bico", "1", "35.0 [25, 45]", "100.0 [90, 100]", "65.0 [55, 75]", "2.0 [0, 12]"],
        ["bico", "bico", "mean", "35.0 ± 0.0", "100.0 ± 0.0", "70.0 ± 7.1", "2.0 ± 0.0"],
    ]


@pytest.mark.parametrize(("metric", "spoken"), [("contains", True), ("bleu", False), ("shortcut", False)])
def test_the_page_speaks_of_shares_where_a_metric_is_one(results, metric, spoken):
    for seed in (0, 1):
        add_likelihood(RunDirectory(results / f"bico/seed-{seed}"))
    tables = accuracy_tables(load_results([results]).frame, metric)
    html = headline_html(tables)
    assert ("of the descriptions" in html) == spoken
    assert ("lower is better" in html) == (metric == "shortcut")


def test_the_line_under_a_table_names_metric_model_dataset_n_and_entities(results):
    frame = load_results([results]).frame
    table = accuracy_tables(frame)[0]
    assert table.title == "Accuracy (contains)"
    for part in (
        METRICS["contains"].summary,
        "tiny-llama",
        "results/data/a",
        frame["dataset"][0],
        "300",
        "30 entities",
    ):
        assert part in table.note


def test_a_second_table_compares_descriptions_by_bleu(results):
    columns = [
        "experiment",
        "objective",
        "seed",
        "N2D bleu",
        "N2D bleu_char",
        "D2N-reverse bleu",
        "D2N-reverse bleu_char",
    ]
    assert accuracy_tables(load_results([results]).frame)[1].columns == columns


def test_another_metric_can_be_shown(results):
    table = accuracy_tables(load_results([results]).frame, "chrf")[0]
    assert table.rows[0][-1] == "20.0 [10, 30]"
    assert "chrF2" in table.note


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_shown_and_required(results, metric):
    for seed in (0, 1):
        add_likelihood(RunDirectory(results / f"bico/seed-{seed}"))
    frame = load_results([results]).frame
    assert accuracy_tables(frame, metric)[0].title == metric_title(metric)
    assert check_requirements(frame, ["bico: D2N >= 0"], metric) == []


def test_several_models_get_a_column(results):
    make_run(results, "big", "bico", BICO, model="meta-llama/Llama-2-7b-hf")
    table = accuracy_tables(load_results([results]).frame)[0]
    assert table.columns[:3] == ["experiment", "model", "objective"]
    assert table.rows[-1][:3] == ["big", "meta-llama/Llama-2-7b-hf", "bico"]


def test_runs_on_different_datasets_never_share_a_table(results):
    make_run(results, "elsewhere", "bico", BICO, data="b")
    tables = accuracy_tables(load_results([results]).frame)
    assert len(tables) == 4
    assert ["elsewhere" in {row[0] for row in table.rows} for table in tables].count(True) == 2
    assert {len({row[0] for row in table.rows} - {"elsewhere"}) for table in tables} == {0, 3}
    assert any("results/data/b" in table.title for table in tables)


def test_runs_that_differ_only_in_a_setting_are_told_apart_and_not_averaged(results):
    make_run(results, "bico", "bico", {}, seed=2, epochs=20)
    table = accuracy_tables(load_results([results]).frame)[0]
    bico = [row for row in table.rows if row[0] == "bico"]
    recipe = table.columns.index("recipe")
    assert [row[recipe + 1] for row in bico] == ["0", "1", "mean", "2"]
    assert len({row[recipe] for row in bico}) == 2
    assert f"{bico[-1][recipe]} full, 20 epochs" in table.note


def test_an_unfinished_run_is_a_note(results):
    run = make_run(results, "half", "bico", BICO)
    run.metrics_path.unlink()
    frame, notes, _ = load_results([results])
    assert "half" not in set(frame["experiment"])
    how = "it is not trained to its end; the command that began it continues it"
    assert notes == [f"{run.path}: not finished, left out; {how}"]
    manifest = read_json(run.manifest_path)
    write_json(run.manifest_path, manifest | {"training": {"steps": 3}})
    assert load_results([results]).notes == [
        f"{run.path}: not finished, left out; `reversal eval {run.path}` finishes it"
    ]


def test_a_broken_manifest_of_an_unfinished_run_is_a_note(results):
    run = make_run(results, "half", "bico", BICO)
    run.metrics_path.unlink()
    run.manifest_path.write_text("{")
    (note,) = load_results([results]).notes
    assert note.startswith(f"{run.path}: not finished, left out; {run.manifest_path}: broken JSON")


def test_a_folder_without_a_run_is_a_note_beside_others_and_an_error_alone(results, tmp_path):
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    (note,) = load_results([results, empty]).notes
    assert note.startswith(f"{empty}: holds no run; `reversal run` makes runs")
    with pytest.raises(
        ReversalError, match=r"no finished run; expected one with a metrics\.json; `reversal run` makes"
    ):
        load_results([empty])


def test_completions_cut_at_different_lengths_are_a_note(results):
    run = make_run(results, "long", "bico", BICO)
    content = read_json(run.manifest_path)
    content["spec"]["evaluation"]["max_new_tokens"] = 64
    write_json(run.manifest_path, content)
    frame, notes, _ = load_results([results])
    (dataset,) = frame["dataset"].unique()
    differs = "evaluation.max_new_tokens differs (40 in untrained, 64 in long): fewer can cut a target off"
    assert notes == [f"dataset {dataset}: {differs}"]


def test_a_copy_of_a_run_is_not_counted_twice(results, tmp_path):
    original = RunDirectory(results / "bico" / "seed-0")
    copy = RunDirectory(results / "copy" / "seed-0")
    copy.write_manifest(original.manifest)
    write_json(copy.metrics_path, read_json(original.metrics_path))
    frame, notes, _ = load_results([results])
    assert len(frame) == 4 * len(SUBTASKS) * len(TEXT_SCORES)
    assert notes == [f"{copy.path}: the same experiment as {original.path} (name, recipe, data, seed), left out"]


def test_no_finished_run_is_an_error(tmp_path):
    with pytest.raises(ReversalError, match="no finished run; expected one with a metrics"):
        load_results([tmp_path])


def broken(path, change) -> None:
    content = read_json(path)
    change(content)
    write_json(path, content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda metrics: metrics.pop("dataset"), "lacks 'dataset'"),
        (lambda metrics: metrics["dataset"].clear(), "lacks 'dataset.p2d_prompts_test.jsonl'"),
        (lambda metrics: metrics["subtasks"].pop("D2N"), "lacks 'subtasks.D2N'"),
        (lambda metrics: metrics["subtasks"]["D2N"].pop("n"), "lacks 'subtasks.D2N.n'"),
        (
            lambda metrics: metrics["subtasks"]["D2N"]["metrics"]["contains"].pop("mean"),
            "lacks 'subtasks.D2N.metrics.contains.mean'",
        ),
        (lambda metrics: metrics.update(subtasks=[1]), "subtasks is [1]; expected a table"),
        (lambda metrics: metrics["subtasks"]["D2N"].update(metrics=[1]), "subtasks.D2N.metrics is [1]; expected"),
    ],
)
def test_metrics_that_lack_something_are_one_clear_line(results, change, message):
    path = RunDirectory(results / "ntp" / "seed-0").metrics_path
    broken(path, change)
    with pytest.raises(ReversalError) as caught:
        load_results([results])
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_truncated_metrics_are_one_clear_line(results):
    path = RunDirectory(results / "ntp" / "seed-0").metrics_path
    path.write_text(path.read_text()[:100])
    with pytest.raises(ReversalError, match=r"metrics\.json: broken JSON .*; restore the file"):
        load_results([results])


def test_a_manifest_that_lacks_the_spec_is_one_clear_line(results):
    broken(RunDirectory(results / "ntp" / "seed-0").manifest_path, lambda manifest: manifest.pop("spec"))
    with pytest.raises(ReversalError, match=r"manifest\.json: lacks 'spec'; expected .*; restore it, or make the"):
        load_results([results])


def test_what_a_run_has_not_measured_is_a_dash_also_in_the_mean_over_seeds(results):
    for run in ("ntp/seed-0", "bico/seed-1"):
        path = RunDirectory(results / run).metrics_path
        broken(path, lambda metrics: metrics["subtasks"]["D2N"]["metrics"].pop("chrf"))
    rows = accuracy_tables(load_results([results]).frame, "chrf")[0].rows
    assert [row[4] for row in rows] == ["20.0 [10, 30]", "–", "20.0 [10, 30]", "–", "–"]
    assert rows[1][5] == "20.0 [10, 30]"


def test_an_unknown_metric_is_an_error_with_a_suggestion(results):
    with pytest.raises(ReversalError, match="unknown metric 'contain'; did you mean 'contains'"):
        accuracy_tables(load_results([results]).frame, "contain")


@pytest.mark.parametrize("width", [72, 80, 100, 200])
def test_numbers_are_never_cut_in_a_terminal(results, width):
    make_run(results, "an-experiment-with-a-long-name", "bico", BICO)
    for table in accuracy_tables(load_results([results]).frame):
        console = Console(width=width, file=io.StringIO())
        console.print(rich_table(table, width))
        shown = console.file.getvalue()
        assert "…" not in shown
        for cell in (part for row in table.rows for part in row[-4:]):
            mean, interval = cell.split(" ", 1)
            assert mean in shown
            assert interval in shown


def test_markdown_has_every_row_and_the_notes(results):
    frame = load_results([results]).frame
    text = markdown(accuracy_tables(frame), ["x: not finished"])
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    assert ["bico", "bico", "1", "35.0 [25, 45]", "100.0 [90, 100]", "65.0 [55, 75]", "2.0 [0, 12]"] in lines
    assert len(lines) == 2 + 2 * 5
    assert "- x: not finished" in text


def test_csv_and_json_hold_the_whole_frame_unrounded(results):
    frame = load_results([results]).frame
    as_csv = list(csv.DictReader(io.StringIO(csv_text(frame))))
    as_json = json.loads(json_text(frame))
    assert len(as_csv) == len(as_json) == len(frame)
    for from_csv, from_json, value in zip(as_csv, as_json, frame["value"], strict=True):
        assert float(from_csv["value"]) == from_json["value"] == value


def test_reports_are_written_as_markdown_and_csv(results, tmp_path):
    frame = load_results([results]).frame
    tables = accuracy_tables(frame)
    written = write_reports(frame, tmp_path / "tables", tables, ["a note"])
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["accuracy.csv", "accuracy.md"]
    assert written.markdown.read_text() == markdown(tables, ["a note"])
    assert written.csv.read_text() == csv_text(frame)


def test_files_are_written_though_nobody_reads_what_is_printed(results, tmp_path, monkeypatch):
    def print_into_a_closed_pipe(*_):
        raise PipeClosedError

    monkeypatch.setattr("reversal_cli.commands.report._print", print_into_a_closed_pipe)
    assert main(["report", str(results), "--out", str(tmp_path / "tables"), "--html", "--quiet"]) == BROKEN_PIPE
    assert {"accuracy.csv", "accuracy.md", "report.html"} == {path.name for path in (tmp_path / "tables").iterdir()}


def test_no_value_of_the_frame_is_missing(results):
    frame = load_results([results]).frame
    not_recorded = ["chance", "rows_drawn", "tokens", "labels", "flops", "wall_seconds", "shown_reversed", "retention"]
    assert not frame.drop(columns=not_recorded).isna().any(axis=None)
    assert all(math.isfinite(value) for value in frame[["value", "low", "high"]].to_numpy().ravel())
