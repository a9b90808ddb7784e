"""`reversal compare` as it is met on the command line."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from evaluated_runs import (
    A,
    B,
    change_json,
    change_predictions,
    make_evaluated_run,
    make_two_runs,
    pack_predictions,
    write_metrics,
)
from rich.console import Console

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.report import rich_table
from reversal_cli.report.comparison import compare_runs, comparison_tables, markdown, sentences
from reversal_cli.runs.directory import RunDirectory


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[RunDirectory, RunDirectory]:
    monkeypatch.chdir(tmp_path)
    return make_two_runs()


def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Standard output of a comparison that works."""
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def test_the_tables_fit_100_columns_and_nothing_is_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    out = compare(capsys, A, B)
    assert max(map(len, out.splitlines())) <= 100
    assert "…" not in out
    for table in comparison_tables(compare_runs(Path(A), Path(B), "contains")):
        assert all(column in out for column in table.columns)
        assert all(cell in out for row in table.rows for cell in row)


def test_the_rows_say_what_differs_and_how_sure_that_is():
    """N2D-reverse: 1 of 24 rows right, then 19; each of the eight entities gains, so 2 of 256 flips go as far.

    There are three templates only: over these, so large a gain is less certain.
    """
    first, second = comparison_tables(compare_runs(Path(A), Path(B), "contains"))
    rows = {row[0]: row[1:] for row in first.rows}
    assert list(rows) == list(SUBTASKS)
    assert rows["N2D-reverse"][:5] == ["24", "8", "3", "4.2", "79.2"]
    assert rows["N2D-reverse"][5:] == ["+75.0 [+30, +100]", "0.013", "0.052"]
    assert rows["D2N"][:5] == ["24", "8", "3", "100.0", "100.0"]
    assert rows["D2N"][5:] == ["+0.0 [-56, +56]*", "1.000", "1.000"]
    rest = {row[0]: row[1:] for row in second.rows}
    assert rest["N2D-reverse"][2:] == ["0.008", "0", "18", "< 0.001"]
    assert rest["D2N"] == ["-", "<= 80.3", "1.000", "0", "0", "1.000"]


def test_over_entities_alone_the_templates_are_taken_as_they_are():
    (first, _) = comparison_tables(compare_runs(Path(A), Path(B), "contains", "entities"))
    rows = {row[0]: row[1:] for row in first.rows}
    assert rows["N2D-reverse"][2] == "-"
    assert rows["N2D-reverse"][5].startswith("+75.0 [+5")
    assert rows["N2D-reverse"][6] == "< 0.001"
    assert "95 % interval over entities, for each" in first.note


def test_templates_are_told_by_their_words_where_predictions_do_not_name_them(runs):
    for run in runs:
        for subtask in SUBTASKS:
            change_predictions(run, subtask, lambda records: [record.pop("template_id") for record in records])
    (first, _) = comparison_tables(compare_runs(Path(A), Path(B), "contains"))
    assert first.rows[2][3:] == ["3", "4.2", "79.2", "+75.0 [+30, +100]", "0.013", "0.052"]


def test_an_unknown_unit_is_refused_with_the_nearest(capsys):
    assert main(["compare", A, B, "--intervals", "entitys"]) == 2
    assert "--intervals: unknown unit 'entitys'; did you mean 'entities'?" in capsys.readouterr().err


def test_the_notes_name_the_runs_the_methods_and_what_they_do_not_know():
    first, second = comparison_tables(compare_runs(Path(A), Path(B), "contains"))
    for part in (
        A,
        B,
        "over entities and templates",
        "Student's t",
        "Tango",
        "matches the interval",
        "training seed",
        "4 sub",
    ):
        assert part in first.note
    for part in (
        "paired",
        "permutation test over entities",
        "all sign flips",
        "80 % power",
        "treats all rows as independent, also those of one entity",
        "<=",
    ):
        assert part in second.note


def test_a_sentence_per_subtask_says_it_in_words():
    lines = sentences(compare_runs(Path(A), Path(B), "contains", "entities"))
    assert lines[2].startswith("N2D-reverse: bico is 75.0 points higher than ntp [")
    assert lines[2].endswith("], p < 0.001 after Holm.")
    assert lines[1].startswith("D2N: no significant difference, +0.0 points [-32, +32], p = 1.000 after Holm; the ")
    assert lines[1].endswith("4 times of 5, before Holm, is at most 46.4 points.")
    swapped = sentences(compare_runs(Path(B), Path(A), "contains", "entities"))
    assert swapped[2] == lines[2]


def test_two_seeds_of_one_experiment_are_told_apart():
    make_evaluated_run(Path("results"), "bico", {}, objective="bico", seed=1)
    lines = sentences(compare_runs(Path(B), Path("results/bico/seed-1"), "contains", "entities"))
    assert "bico seed 0 is 75.0" not in lines[2]
    assert "bico seed 0 is 79.2 points higher than bico seed 1 [" in lines[2]


def test_json_csv_and_markdown_agree(capsys):
    as_json = json.loads(compare(capsys, A, B, "--json"))
    assert as_json == json.loads(compare(capsys, A, B, "--format", "json", "--quiet"))
    assert (as_json["a"]["run"], as_json["b"]["objective"], as_json["metric"]) == (A, "bico", "contains")
    lines = list(csv.DictReader(io.StringIO(compare(capsys, A, B, "--format", "csv"))))
    for line, record in zip(lines, as_json["subtasks"], strict=True):
        assert line["subtask"] == record["subtask"]
        for name in ("difference", "low", "high", "p", "p_holm", "detectable"):
            assert float(line[name]) == record[name]
    assert lines[1]["standard_error"] == ""
    assert as_json["subtasks"][1]["standard_error"] is None
    text = compare(capsys, A, B, "--format", "md")
    assert text == markdown(compare_runs(Path(A), Path(B), "contains"))
    assert len([line for line in text.splitlines() if line.startswith("| N2D-reverse ")]) == 2
    assert sentences(compare_runs(Path(A), Path(B), "contains"))[2] in text


def test_a_metric_that_is_no_count_has_no_mcnemar_test(capsys):
    (record,) = [
        r for r in json.loads(compare(capsys, A, B, "--metric", "chrf", "--json"))["subtasks"] if r["subtask"] == "N2D"
    ]
    assert (record["only_a"], record["mcnemar_p"]) == (None, None)
    _, second = comparison_tables(compare_runs(Path(A), Path(B), "chrf"))
    assert second.rows[0][4:] == ["-", "-", "-"]
    assert "McNemar" not in second.note


def test_a_folder_with_one_run_is_that_run(capsys):
    assert json.loads(compare(capsys, "results/ntp", "results/bico", "--json"))["a"]["run"] == A


def test_packed_predictions_are_compared_as_they_were(capsys, runs):
    before = compare(capsys, A, B, "--json")
    for run in runs:
        pack_predictions(run)
    assert compare(capsys, A, B, "--json") == before


def test_a_metric_of_some_subtasks_is_compared_on_those(capsys, runs):
    for run in runs:
        change_predictions(run, "D2N", lambda records: [record["scores"].pop("chrf") for record in records])
        write_metrics(run)
    found = json.loads(compare(capsys, A, B, "--metric", "chrf", "--json"))
    assert [record["subtask"] for record in found["subtasks"]] == ["N2D", "N2D-reverse", "D2N-reverse"]
    assert found["notes"] == ["D2N: neither run has chrf, left out"]


def test_bayes_inversion_is_compared_though_no_prediction_keeps_its_score(capsys, runs):
    """Run B gives each entity's own answer the most of its column; run A gives it the least."""

    def rank_with(own: float, others: float):
        def change(records):
            for record in records:
                logs = {entity: own if entity == record["entity_id"] else others for entity in entities(records)}
                first = {"rank": 1, "rank_normalized": 1, "candidates": 8, "log_probability": own, "tokens": 2}
                record["ranking"] = {**first, "log_probabilities": logs}

        return change

    def entities(records):
        return {record["entity_id"] for record in records}

    for run, (own, others) in zip(runs, [(-4.0, -2.0), (-2.0, -4.0)], strict=True):
        change_predictions(run, "N2D", rank_with(own, others))
    found = json.loads(compare(capsys, A, B, "--metric", "inverse_rank_top1", "--json"))
    assert [(record["subtask"], record["difference"]) for record in found["subtasks"]] == [("N2D", 1.0)]


def test_what_else_differs_is_a_note(capsys, runs):
    a, b = runs
    write_metrics(a, evaluation={"batch_size": 4, "max_new_tokens": 40}, definitions={"contains": "contains-1"})
    write_metrics(b, evaluation={"batch_size": 8, "max_new_tokens": 20})
    change_json(b.metrics_path, lambda metrics: metrics["dataset"].update({"all_prompts_train.jsonl": "0"}))
    assert main(["compare", A, B]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "note: the datasets differ beside the test files: all_prompts_train.jsonl",
        "note: evaluated differently: max_new_tokens 40 in A, 20 in B",
        "note: B does not say which definition of contains it was scored with",
    ]


def test_a_copy_of_a_run_is_compared_and_named_as_one(capsys):
    shutil.copytree(A, "copy/seed-0")
    found = json.loads(compare(capsys, A, "copy/seed-0", "--json"))
    assert [record["difference"] for record in found["subtasks"]] == [0] * 4
    assert found["notes"] == ["A and B are one experiment (same digest), made twice or copied"]


@pytest.mark.parametrize("width", [120, 80])
def test_no_number_is_cut_in_a_narrow_terminal(width):
    for table in comparison_tables(compare_runs(Path(A), Path(B), "contains")):
        console = Console(width=width, file=io.StringIO())
        console.print(rich_table(table, width))
        shown = console.file.getvalue()
        numbers = [
            cell for row in table.rows for column, cell in zip(table.columns, row, strict=True) if column != "subtask"
        ]
        assert all(part in shown for number in numbers for part in number.replace(" [", "\n[").split("\n"))
