"""Baselines, controls, likelihood metrics and definitions: what newer runs measure."""

import csv
import io
import json
import math

import pytest
from report_measures import add_definitions, add_likelihood, add_predictions, add_references, change_metrics
from report_runs import BICO, make_results, make_run

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import read_json
from reversal_cli.report import accuracy_tables, check_requirements, csv_text, json_text, load_results
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.records import Ranking
from reversal_cli.statistics.estimate import method


@pytest.fixture
def results(tmp_path):
    return make_results(tmp_path)


def run_of(results, path) -> RunDirectory:
    return RunDirectory(results / path / "seed-0")


def table(results, title, metric="contains"):
    (found,) = (t for t in accuracy_tables(load_results([results]).frame, metric) if t.title.startswith(title))
    return found


def titles(results) -> list[str]:
    return [table.title for table in accuracy_tables(load_results([results]).frame)]


def test_older_runs_have_the_tables_of_accuracy_and_similarity_only(results):
    assert titles(results) == ["Accuracy (contains)", "Similarity of descriptions"]


def test_floors_are_shown_once_and_controls_per_run_in_the_columns_of_accuracy(results):
    for run in ("ntp", "bico"):
        add_references(run_of(results, run))
    references = table(results, "Baselines and controls")
    assert references.columns == ["reference", "experiment", "seed", *SUBTASKS]
    context = ["95.0 [85, 100]"] * 4
    both = ["90.0 [80, 100]", "90.0 [80, 100]", "–", "–"]
    assert references.rows == [
        ["wrong entity's answer", "", "", *["0.0 [0, 10]"] * 4],
        ["same entity, another wording", "", "", "36.0 [26, 46]", *["100.0 [90, 100]"] * 2, "36.0 [26, 46]"],
        ["both-directions group", "ntp", "0", *both],
        ["both-directions group", "bico", "0", *both],
        ["fact in context", "ntp", "0", *context],
        ["fact in context", "bico", "0", *context],
    ]
    assert titles(results)[:2] == ["Accuracy (contains)", "Baselines and controls (contains)"]


def test_controls_and_floors_are_no_runs_of_the_accuracy_table_nor_of_a_requirement(results):
    without = table(results, "Accuracy").rows
    add_references(run_of(results, "bico"), both=0.1, in_context=0.1)
    assert table(results, "Accuracy").rows == without
    assert check_requirements(load_results([results]).frame, ["bico: D2N >= 99"]) == []


def test_csv_names_the_row_of_each_value(results):
    add_references(run_of(results, "bico"))
    lines = list(csv.DictReader(io.StringIO(csv_text(load_results([results]).frame))))
    rows = {line["row"] for line in lines if line["experiment"] == "bico"}
    assert rows == {"run", "wrong entity", "other wording", "both-directions", "in-context"}
    (one,) = (line for line in lines if line["row"] == "both-directions" and line["subtask"] == "N2D")
    assert (one["target"], one["metric"], one["value"]) == ("description", "contains", "0.9")


def test_ranking_shows_chance_for_as_many_candidates_as_were_ranked(results):
    """1/4 and (1 + 1/2 + 1/3 + 1/4) / 4 = 0.5208."""
    add_likelihood(run_of(results, "bico"), top1=0.6, candidates=4)
    rows = {(row[0], row[1], row[3]): row[4:] for row in table(results, "Ranking").rows}
    assert rows["rank_top1", "chance", ""] == ["25.0"] * 4
    assert rows["mrr", "chance", ""] == ["52.1"] * 4
    assert rows["rank_top1", "bico", "0"] == ["60.0 [50, 70]"] * 4


def test_runs_without_a_metric_are_left_out_of_its_rows_and_named_in_one_note(results):
    add_likelihood(run_of(results, "bico"))
    ranking = table(results, "Ranking")
    assert {tuple(row[1:4]) for row in ranking.rows} == {("chance", "", ""), ("bico", "bico", "0")}
    left_out = "Not measured (rank_top1, mrr): untrained, ntp, bico seed 1; `reversal eval RUN --likelihood`."
    assert [note for note in ranking.notes if "measured" in note] == [left_out]
    assert not any("Not measured" in note for note in table(results, "Accuracy").notes)


def test_a_metric_that_no_run_has_is_refused_with_the_command_that_measures_it(results):
    with pytest.raises(ReversalError) as caught:
        table(results, "Accuracy", "mrr")
    assert str(caught.value) == "--metric mrr: not measured in any of these runs; `reversal eval RUN --likelihood`"


def test_candidates_are_taken_from_the_predictions_where_the_metrics_do_not_say(results):
    run = run_of(results, "bico")
    add_likelihood(run, candidates=None)
    assert "chance" not in {row[1] for row in table(results, "Ranking").rows}
    add_predictions(run, {})
    for subtask in SUBTASKS:
        ranking = Ranking(rank=1, rank_normalized=1, candidates=5, log_probability=-1.0, tokens=2)
        predictions = [
            prediction.model_copy(update={"ranking": ranking}) for prediction in run.read_predictions(subtask)
        ]
        run.write_predictions(subtask, predictions)
    assert table(results, "Ranking").rows[0][4:] == ["20.0"] * 4


def test_the_gap_is_shown_over_entities_and_over_rows_as_published(results):
    add_likelihood(run_of(results, "bico"))
    gaps = table(results, "Log-probability gap")
    assert gaps.columns[-6:] == ["subtask", "over", "gap in nats", "t", "p (paired t)", "p (KS)"]
    assert len(gaps.rows) == 2 * len(SUBTASKS)
    assert gaps.rows[0][-6:] == ["N2D", "entities", "1.50 [0.40, 2.60]", "2.50", "0.018", "0.016"]
    assert gaps.rows[1][-6:] == ["N2D", "rows, as published", "1.50", "8.10", "< 0.001", "< 0.001"]


def test_a_test_of_the_gap_that_is_not_defined_is_a_dash(results):
    run = run_of(results, "bico")
    add_likelihood(run)
    subtasks = read_json(run.metrics_path)["subtasks"]
    undefined = {"statistic": None, "p": None}
    subtasks["N2D"]["log_probability_gap"] |= {"low": None, "high": None, "paired_t": undefined, "ks": undefined}
    change_metrics(run, subtasks=subtasks)
    assert table(results, "Log-probability gap").rows[0][-4:] == ["1.50", "–", "–", "–"]


def test_every_number_of_the_gap_is_a_line_of_its_own_and_json_has_no_nan(results):
    add_likelihood(run_of(results, "bico"))
    frame = load_results([results]).frame
    gaps = frame[frame["metric"].str.startswith("log_probability_gap") & (frame["subtask"] == "N2D")]
    assert len(gaps) == len(set(gaps["metric"])) == 10
    assert gaps.set_index("metric")["value"]["log_probability_gap_rows_ks_p"] == 3e-9
    lines = json.loads(json_text(frame), parse_constant=lambda name: pytest.fail(name))
    assert {line["low"] for line in lines if line["metric"] == "log_probability_gap_ks"} == {None}


def test_rates_and_multiple_choice_say_which_way_is_better_and_what_chance_is(results):
    add_likelihood(run_of(results, "bico"))
    rates = table(results, "Wrong answers and multiple choice")
    assert rates.note.count("lower is better") == 2
    assert ["multiple_choice", "chance", "", "", *["25.0"] * 4] in rates.rows
    assert [row[0] for row in rates.rows if row[1] == "chance"] == ["multiple_choice"]


def test_abi_runs_of_different_span_policies_are_told_apart(results):
    for policy in ("single", "entity"):
        run = make_run(results, f"abi-{policy}", "abi", BICO)
        manifest = read_json(run.manifest_path)
        manifest["spec"]["objective"]["span_policy"] = policy
        write_json(run.manifest_path, manifest)
    rows = table(results, "Accuracy").rows
    assert [row[1] for row in rows if row[0].startswith("abi")] == ["abi (single)", "abi (entity)"]
    assert check_requirements(load_results([results]).frame, ["abi: D2N >= 99"]) == []


def test_runs_with_different_definitions_of_a_shown_metric_are_refused_by_name(results, capsys):
    add_definitions(run_of(results, "ntp"), contains="contains-1", chrf="chrf-1")
    add_definitions(run_of(results, "bico"), contains="contains-2", chrf="chrf-1")
    frame = load_results([results]).frame
    with pytest.raises(ReversalError) as caught:
        accuracy_tables(frame)
    for part in ("ntp seed 0", "bico seed 0", "contains-1", "contains-2"):
        assert part in str(caught.value)
    assert len(accuracy_tables(frame, "chrf")) == 2
    assert main(["report", str(results)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_runs_on_different_datasets_may_differ_in_definitions_for_they_share_no_table(results):
    add_definitions(run_of(results, "ntp"), contains="contains-1")
    add_definitions(make_run(results, "elsewhere", "bico", BICO, data="b"), contains="contains-2")
    assert len(accuracy_tables(load_results([results]).frame)) == 4


def test_a_run_without_definitions_is_a_note_beside_runs_that_have_them(results):
    assert load_results([results]).notes == []
    for run in ("ntp", "bico"):
        add_definitions(run_of(results, run), contains="contains-1")
    (note,) = load_results([results]).notes
    assert note.startswith("untrained seed 0, bico seed 1: evaluated before metric definitions were recorded")


def test_a_note_says_which_test_files_differ(results):
    run = make_run(results, "elsewhere", "bico", BICO)
    files = read_json(run.metrics_path)["dataset"]
    change_metrics(run, dataset=files | {"d2p_prompts_test.jsonl": "9" * 64})
    (note,) = load_results([results]).notes
    assert note.endswith("differ in d2p_prompts_test.jsonl: their runs are not compared")


def test_a_requirement_on_a_metric_that_a_run_lacks_fails_and_says_so(results):
    add_likelihood(run_of(results, "bico"), top1=0.6)
    failures = check_requirements(load_results([results]).frame, ["bico: N2D >= 50"], "rank_top1")
    assert failures == ["bico: N2D >= 50: bico seed 1 has no rank_top1"]


@pytest.mark.parametrize(
    "change",
    [
        {"floors": {"wrong entity": {"N2D": {"metrics": {"contains": {"mean": 0.1}}}}}},
        {"controls": [1]},
        {"definitions": [1]},
    ],
)
def test_broken_references_are_one_clear_line(results, change):
    run = run_of(results, "ntp")
    change_metrics(run, **change)
    with pytest.raises(ReversalError) as caught:
        load_results([results])
    assert str(caught.value).startswith(f"{run.metrics_path}: ")
    assert "; restore the file" in str(caught.value)


def test_the_note_says_how_the_interval_was_made_and_which_seeds(results):
    note = table(results, "Accuracy").note
    assert f"95 % interval {method('entities-and-templates')}" in note
    assert "300 prompts: 30 entities x 10 templates per subtask" in note
    assert note.endswith("Seeds 0, 1.")


def test_the_terminal_shows_the_main_tables_and_all_on_request(results, capsys):
    add_references(run_of(results, "bico"))
    add_likelihood(run_of(results, "bico"))
    assert main(["report", str(results)]) == 0
    shown = capsys.readouterr()
    assert "Baselines and controls" in shown.out and "Ranking" in shown.out
    assert "Log-probability gap" not in shown.out and "Similarity" not in shown.out
    assert "3 more tables with `reversal report --all`" in shown.err
    assert main(["report", str(results), "--all", "--out", str(results)]) == 0
    assert "Log-probability gap" in capsys.readouterr().out
    assert "## Log-probability gap" in (results / "accuracy.md").read_text()
    assert math.isfinite(load_results([results]).frame["value"].sum())


def test_runs_trained_with_different_arithmetic_are_named_in_a_note(results):
    amx = {"dtype": "bfloat16", "device": "cpu", "threads": 2, "instructions": "AVX512 AMX"}
    avx2 = {"dtype": "float32", "device": "cpu", "threads": 1, "instructions": "AVX2"}
    for path, training in (("ntp", amx), ("bico", avx2)):
        run = run_of(results, path)
        write_json(run.manifest_path, read_json(run.manifest_path) | {"training": training})
    (found,) = (note for note in load_results([results]).notes if "arithmetic" in note)
    assert "bfloat16, cpu, AVX512 AMX, 2 threads (ntp seed 0)" in found
    assert "float32, cpu, AVX2, 1 thread (bico seed 0)" in found
    assert "Trained in" in table(results, "Accuracy").note


def test_runs_evaluated_in_different_precision_are_named_in_a_note(results):
    for path, dtype in (("ntp", "float32"), ("bico", "bfloat16")):
        run = run_of(results, path)
        write_json(run.manifest_path, read_json(run.manifest_path) | {"evaluation": {"dtype": dtype, "device": "cpu"}})
    (found,) = (note for note in load_results([results]).notes if "precision" in note)
    assert found.startswith("evaluated in different precision: float32 (ntp seed 0); bfloat16 (bico seed 0): rounding")


def test_runs_with_one_arithmetic_have_no_such_note(results):
    run = run_of(results, "ntp")
    write_json(run.manifest_path, read_json(run.manifest_path) | {"training": {"dtype": "float32", "device": "cpu"}})
    assert not any("arithmetic" in note for note in load_results([results]).notes)


def test_the_file_that_quantized_weights_come_from_stands_under_the_table(results):
    run = run_of(results, "ntp")
    gguf = {"file": "smol.Q4_1.gguf", "quantization": "Q4_1", "architecture": "llama", "sha256": "0" * 64}
    write_json(run.manifest_path, read_json(run.manifest_path) | {"model": {"name": "tiny-llama", "gguf": gguf}})
    assert "Weights of tiny-llama: smol.Q4_1.gguf (Q4_1, dequantized)." in table(results, "Accuracy").note
