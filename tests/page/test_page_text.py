"""The page as text: what is in it, without a browser."""

import json
import re
import shutil
from typing import Any

import pytest
from page_runs import HOSTILE, PLOT, page_of, two_runs
from raw_records import write_raw_predictions
from report_runs import make_results, make_run

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.report import accuracy_tables, load_results, runs_in_table_order
from reversal_cli.report.page import build_page, plots_html
from reversal_cli.report.page.predictions import collect_predictions, json_for_html, thousandths
from reversal_cli.report.stored_predictions import Kept, lacking_notes
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.find import find_runs


def page_data(runs: list[RunDirectory]) -> dict[str, Any]:
    return json.loads(collect_predictions(runs).data)


def test_json_for_html_cannot_end_its_script_and_reads_back_the_same():
    content = [*HOSTILE, "\ud800", "</SCRIPT>", "]]>"]
    text = json_for_html(content)
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == content


def test_every_prompt_is_stored_once_and_every_prediction_is_found_again(tmp_path):
    runs, expected = two_runs(tmp_path, 20)
    data = page_data(runs)
    prompts = data["prompts"]
    assert len(prompts["id"]) == len(set(prompts["id"])) == 40
    for run, records in zip(data["runs"], expected, strict=True):
        for row, record in enumerate(records):
            at = run["prompt"][row]
            stored = (prompts["id"][at], prompts["subtask"][at], prompts["text"][at], prompts["target"][at])
            assert stored == (record["id"], record["id"].split("/")[0], record["prompt"], record["target"])
            assert run["completion"][row] == record["completion"]
            assert run["cut"][row] == (not record["stopped"])
            assert run["rank"][row] == record["ranking"]["rank"]
            assert (run["named"][row] is None) == (record["named_entity"] is None)
            assert run["scores"]["chrf"][row] == pytest.approx(1000 * record["scores"]["chrf"], abs=0.5)


def test_an_entity_has_the_name_that_a_prompt_asks_for(tmp_path):
    runs, _ = two_runs(tmp_path, 20)
    data = page_data(runs)
    assert data["entities"] == ["Ann Number0", "Ann Number1"]


def test_an_entity_that_is_only_named_in_a_completion_has_its_name_from_the_control(tmp_path):
    runs, records = two_runs(tmp_path, 5)
    records[0][0]["named_entity"] = "both-0010"
    write_raw_predictions(runs[0], "N2D", records[0][:5])
    assert page_data(runs)["entities"][1] == "both-0010"
    control = {**records[0][0], "id": "both-directions/D2N/0", "entity_id": "both-0010", "target": "Bo Both"}
    write_raw_predictions(runs[1], "both-directions/D2N", [control])
    assert page_data(runs)["entities"][1] == "Bo Both"


def test_the_same_id_in_another_dataset_is_another_prompt(tmp_path):
    runs, _ = two_runs(tmp_path, 5)
    other = make_run(tmp_path, "elsewhere", "bico", {}, data="b")
    other.write_predictions("N2D", runs[0].read_predictions("N2D"))
    data = page_data([*runs, other])
    assert len(data["prompts"]["id"]) == 10 + 5
    assert data["runs"][2]["prompt"] == [10, 11, 12, 13, 14]


def test_what_no_prediction_of_a_run_has_becomes_no_column(tmp_path):
    runs, records = two_runs(tmp_path, 5)
    for record in records[0]:
        del record["ranking"], record["named_entity"]
    write_raw_predictions(runs[0], "N2D", records[0][:5])
    write_raw_predictions(runs[0], "N2D-reverse", records[0][5:])
    first, second = page_data(runs)["runs"]
    assert (first["rank"], first["named"]) == (None, None)
    assert len(second["rank"]) == 10


def test_runs_of_one_name_and_seed_are_told_apart_by_their_folders(tmp_path):
    runs = [make_run(tmp_path / place, "same", "bico", {}) for place in ("a", "b")]
    assert collect_predictions(runs).without == [f"same seed 0 ({run.path})" for run in runs]


@pytest.mark.parametrize(("score", "expected"), [(1.0, 1000), (0.99999, 999), (0.0, 0), (0.57, 570), (None, None)])
def test_only_a_full_score_is_a_thousand_thousandths(score, expected):
    assert thousandths([score]) == [expected]


@pytest.mark.parametrize("line", [{"id": "N2D/0"}, [1], {"id": "N2D/0", "scores": 3}])
def test_a_line_that_is_no_prediction_is_one_clear_line(tmp_path, line):
    run = make_run(tmp_path, "broken", "bico", {})
    write_raw_predictions(run, "N2D", [line])
    with pytest.raises(ReversalError, match=r"predictions/N2D\.jsonl:1: .*; expected "):
        collect_predictions([run])


def test_runs_without_predictions_are_named_in_one_sentence(tmp_path):
    make_results(tmp_path)
    text = build_page(accuracy_tables(load_results([tmp_path]).frame), collect_predictions(find_runs([tmp_path])))
    names = "bico seed 0, bico seed 1, ntp seed 0, untrained seed 0"
    assert text.count(f"No predictions are stored with {names}, so they cannot be read here.") == 1
    assert "predictions-data" not in text


def test_a_run_that_keeps_only_some_predictions_or_none_is_named_on_the_page_and_in_the_terminal(tmp_path, capsys):
    runs, _ = two_runs(tmp_path, 300)
    for run in runs:
        run.write_predictions("D2N", run.read_predictions("N2D"))
        run.write_predictions("D2N-reverse", run.read_predictions("N2D"))
    path = runs[0].predictions_path("N2D")
    path.write_text(path.read_text()[:-20])
    shutil.rmtree(runs[1].all_predictions_path)
    assert main(["report", str(tmp_path), "--html"]) == 0
    shown = capsys.readouterr().err.replace("\n", " ")
    assert f"{runs[0].path}: keeps only 299 of 300 predictions of N2D;" in shown.replace("  ", " ")
    assert f"{runs[1].path}: keeps no predictions;" in shown
    assert "are of these: first seed 0 (299 of 300 predictions of N2D)." in (tmp_path / "report.html").read_text()


def test_many_runs_without_predictions_are_one_line_in_the_terminal(tmp_path):
    kept = [Kept(RunDirectory(tmp_path / str(index)), has_some=False, lacking="") for index in range(3)]
    assert lacking_notes(kept) == [f"{tmp_path}/0 and 2 more: keep no predictions; they can be neither drawn nor read"]


def test_the_page_lists_runs_in_the_order_of_the_tables(tmp_path):
    for name, objective in (("b", "bico"), ("untrained", "none")):
        make_run(tmp_path, name, objective, {})
    ordered = runs_in_table_order(load_results([tmp_path]))
    assert [run.manifest.spec.name for run in ordered] == ["untrained", "b"]


def test_notes_titles_and_cells_are_escaped_and_placeholders_in_them_stay(tmp_path):
    make_run(tmp_path, "<b>$style", "bico", {})
    text = page_of(tmp_path, [], notes=["<i>$policy</i> & more"]).read_text()
    assert "&lt;b&gt;$style" in text
    assert "<li>&lt;i&gt;$policy&lt;/i&gt; &amp; more</li>" in text
    assert "<b>" not in text
    assert "<i>" not in text


def test_the_page_names_no_address(tmp_path):
    runs, _ = two_runs(tmp_path, 5)
    text = page_of(tmp_path, runs, plots=[PLOT.format(title="One")]).read_text()
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"//\s.*", "", text))
    assert set(re.findall(r'\bsrc="(.{5})', text)) == {"data:"}


def test_the_words_for_a_plot_are_its_title():
    html = plots_html([PLOT.format(title='Bars &amp; "lines"'), "<svg></svg>"])
    assert 'alt="Bars &amp; &quot;lines&quot;"' in html
    assert 'alt="Plot 2"' in html
    assert plots_html([]) == ""


def test_report_html_writes_the_page_beside_the_tables(tmp_path, capsys):
    two_runs(tmp_path, 5)
    assert main(["report", str(tmp_path), "--html", "--plots"]) == 0
    assert str(tmp_path / "report.html") in capsys.readouterr().err.replace("\n", "")
    text = (tmp_path / "report.html").read_text()
    assert "predictions-data" in text
    assert 'alt="Accuracy (contains), tiny-llama"' in text


def test_a_page_without_predictions_has_everything_else(tmp_path, capsys):
    two_runs(tmp_path, 5)
    assert main(["report", str(tmp_path), "--html", "--plots", "--no-predictions"]) == 0
    text = (tmp_path / "report.html").read_text()
    assert "predictions-data" not in text and 'href="#predictions"' not in text
    assert "<table" in text and 'alt="Accuracy (contains), tiny-llama"' in text
    assert main(["report", str(tmp_path), "--no-predictions"]) == 2
    assert "--no-predictions: has no effect here" in capsys.readouterr().err


@pytest.mark.parametrize(("plots", "said"), [([], False), (["--plots"], True)])
def test_lacking_predictions_are_said_only_where_they_would_be_shown(tmp_path, capsys, plots, said):
    for run in two_runs(tmp_path, 5)[0]:
        shutil.rmtree(run.all_predictions_path)
    assert main(["report", str(tmp_path), "--html", "--no-predictions", *plots]) == 0
    assert ("keep no predictions" in capsys.readouterr().err) == said
    assert "no predictions" not in (tmp_path / "report.html").read_text().lower()
