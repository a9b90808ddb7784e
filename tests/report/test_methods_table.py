"""The methods table by hand, and its plot."""

import json

import pytest
from report_measures import add_costs, add_curve, make_seeds
from report_runs import BICO, make_results, make_run

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.files.reading import read_json
from reversal_cli.report import accuracy_tables, load_results
from reversal_cli.report.page.headline import is_accuracy
from reversal_cli.report.plots.tokens import spread, token_figure, training_line
from reversal_cli.report.run_costs import shown_reversed
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.find import find_runs

NTP = {"rows": 14_400, "tokens": 258_000, "labels": 254_000, "flops": 2.5e12, "wall_seconds": 30.0}
COSTLY = {"tokens": 900_000, "labels": 400_000, "flops": 9e12, "wall_seconds": 120.0, "shown_reversed": 0}


@pytest.fixture
def results(tmp_path):
    """An untrained run, NTP, and BICO with seeds 0 and 1 (N2D-reverse 75 and 65)."""
    make_results(tmp_path)
    add_costs(RunDirectory(tmp_path / "ntp/seed-0"), retention=3.6, **NTP)
    add_costs(RunDirectory(tmp_path / "bico/seed-0"), retention=4.0, **COSTLY)
    add_costs(RunDirectory(tmp_path / "bico/seed-1"), retention=4.2, **COSTLY | {"tokens": 1_100_000})
    return tmp_path


def tables(folder, start: str):
    return [table for table in accuracy_tables(load_results([folder]).frame) if table.title.startswith(start)]


def test_a_method_is_a_row_with_means_over_its_seeds(results):
    """BICO: tokens (0.9 + 1.1) / 2 = 1 M; retention 4.1, deviation sqrt(2 * 0.1**2) = 0.141."""
    (table,) = tables(results, "Methods")
    assert table.columns == [
        *("experiment", "objective", "seeds", *SUBTASKS),
        *("rows (k)", "tokens (M)", "labels (k)", "FLOPs (T)", "minutes", "shown reversed", "retention"),
    ]
    zero = "0.0 [0, 10]"
    assert table.rows == [
        ["untrained", "none", "1", zero, zero, zero, zero, *["–"] * 7],
        [
            *("ntp", "ntp", "1", "36.0 [26, 46]", "100.0 [90, 100]", zero, zero),
            *("14.4", "0.258", "254", "2.50", "0.500", "0", "3.600"),
        ],
        [
            *("bico", "bico", "2", "35.0 ± 0.0", "100.0 ± 0.0", "70.0 ± 7.1", "2.0 ± 0.0"),
            *("–", "1.00", "400", "9.00", "2.00", "0", "4.100 ± 0.141"),
        ],
    ]
    for heading in ("rows", "tokens", "labels", "FLOPs", "minutes", "shown reversed", "retention"):
        assert sum(note.startswith(f"{heading}: ") for note in table.notes) == 1
    assert "500 texts of a corpus (abababab)" in table.note
    assert not is_accuracy(table)


def test_without_any_cost_there_is_no_methods_table(tmp_path):
    assert tables(make_results(tmp_path), "Methods") == []


def test_columns_that_no_run_has_are_left_out_and_a_value_that_a_seed_lacks_is_a_dash(results):
    for run in ("ntp/seed-0", "bico/seed-0", "bico/seed-1"):
        path = RunDirectory(results / run).metrics_path
        write_json(path, {key: value for key, value in read_json(path).items() if key != "retention"})
    add_costs(RunDirectory(results / "bico/seed-1"), tokens=5000)
    (table,) = tables(results, "Methods")
    assert "retention" not in table.columns
    assert table.rows[-1][-5:-1] == ["452", "–", "–", "–"]  # (900 + 5) / 2, in thousands
    assert "without masks, copies and blanks: bico." in table.note


def leak(kind: str, count: int) -> dict:
    return {"where": "x:1", "count": count, "what": "y", "remedy": "z", "kind": kind}


def test_shown_reversed_is_what_training_recorded_or_what_the_dataset_shows(tmp_path):
    run = make_run(tmp_path, "x", "ntp", {})
    assert shown_reversed(run.manifest) is None  # an earlier version, which did not look
    add_costs(run, tokens=1)
    content = read_json(run.manifest_path)
    content["dataset"]["leaks"] = [
        leak("training rows show a name-first entity with the description before the name", 7),
        leak("training rows show a description-first entity with the name before the description", 5),
        leak("test prompts are trained", 100),
    ]
    write_json(run.manifest_path, content)
    assert shown_reversed(run.manifest) == 12
    content["spec"]["transform"] = {"name": "reverse"}
    write_json(run.manifest_path, content)
    assert shown_reversed(run.manifest) is None
    write_json(run.manifest_path, content | {"training": {"shown_reversed": 1800}})
    assert shown_reversed(run.manifest) == 1800


def test_the_terminal_shows_methods_on_request_and_files_always(results, capsys):
    assert main(["report", str(results)]) == 0
    assert "Methods" not in capsys.readouterr().out
    assert main(["report", str(results), "--methods", "--out", str(results / "out")]) == 0
    assert "Methods (contains)" in capsys.readouterr().out
    assert "## Methods (contains)" in (results / "out/accuracy.md").read_text()
    assert main(["report", str(results), "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert {(record["tokens"], record["retention"]) for record in records if record["experiment"] != "bico"} == {
        (258_000, 3.6),
        (None, None),
    }


def test_the_plot_has_a_marker_per_method_a_dot_per_seed_and_the_mean_curve(results):
    add_costs(RunDirectory(results / "bico/seed-0"), tokens=1000, steps=500)
    add_curve(RunDirectory(results / "bico/seed-0"), BICO, epochs=5)
    loaded = load_results([results])
    (axes,) = token_figure(loaded.frame, loaded.runs, "contains").axes
    assert axes.get_xscale() == "log"
    drawn = {(tuple(line.get_xdata()), tuple(round(y, 6) for y in line.get_ydata())) for line in axes.lines}
    assert drawn == {
        ((258_000,), (0,)),
        ((550_500,), (70,)),
        ((1000, 1_100_000), (75, 65)),
        ((200, 400, 600, 800, 1000), (15, 30, 45, 60, 75)),  # a step reads two tokens
    }
    assert [text.get_text() for text in axes.texts] == ["ntp (1 of 2 seeds)  0.0", "bico  70.0"]
    assert training_line(RunDirectory(results / "ntp/seed-0"), "contains") is None


def test_the_plot_has_a_panel_per_model_with_the_looks_of_all(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.5, 0.9]})
    make_run(tmp_path, "ntp-glm", "ntp", BICO, model="tiny-glm")
    for run in find_runs([tmp_path]):
        add_costs(run, tokens=1000)
    loaded = load_results([tmp_path])
    panels = token_figure(loaded.frame, loaded.runs, "contains").axes
    assert [axes.get_title("left") for axes in panels] == ["tiny-llama", "tiny-glm"]
    names = [[text.get_text() for text in axes.texts] for axes in panels]
    assert names == [["ntp  0.0", "bico  70.0"], ["ntp (1 of 2 seeds)  75.0"]]
    assert len({line.get_color() for axes in panels for line in axes.lines} - {"black"}) == 3


@pytest.mark.parametrize(("epochs", "lines"), [((2, 2), [[26.25, 52.5]]), ((2, 3), [[37.5, 75], [10, 20, 30]])])
def test_curves_of_as_many_points_are_drawn_as_their_mean(tmp_path, epochs, lines):
    make_seeds(tmp_path, {"bico": [0.5, 0.9]})
    for run, length, reversed_names in zip(find_runs([tmp_path]), epochs, (0.75, 0.3), strict=True):
        add_costs(run, tokens=1000, steps=500)
        add_curve(run, BICO | {"N2D-reverse": reversed_names}, epochs=length)
    loaded = load_results([tmp_path])
    (axes,) = token_figure(loaded.frame, loaded.runs, "contains").axes
    drawn = [[round(y, 6) for y in line.get_ydata()] for line in axes.lines if line.get_linestyle() != "None"]
    assert drawn == lines


@pytest.mark.parametrize(
    ("heights", "places"),
    [
        ([], []),
        ([50.0], [50.0]),
        ([90.0, 10.0, 50.0], [90.0, 10.0, 50.0]),
        ([0.0, 0.0, 3.0], [10.0, 0.0, 20.0]),  # pushed up from below; the first of two alike above the second
        ([99.0, 98.0, 40.0], [100.0, 90.0, 40.0]),  # and down from the top
    ],
)
def test_names_stand_where_they_belong_or_close_by_in_the_same_order(heights, places):
    assert spread(heights, gap=10) == places


def test_runs_that_do_not_say_their_tokens_are_not_drawn(tmp_path):
    loaded = load_results([make_results(tmp_path)])
    assert token_figure(loaded.frame, loaded.runs, "contains") is None


def test_more_methods_than_looks_are_drawn_without_names(tmp_path):
    for index in range(65):
        add_costs(make_run(tmp_path, f"bico-{index}", "bico", BICO), tokens=1000 + index)
    loaded = load_results([tmp_path])
    figure = token_figure(loaded.frame, loaded.runs, "contains")
    assert len(figure.axes[0].lines) == 65 and not figure.axes[0].texts
