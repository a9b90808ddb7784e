"""The methods table and the differences over seeds, each by hand."""

import json

import pytest
from report_measures import add_costs, add_curve, add_likelihood
from report_runs import BICO, make_results, make_run

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.files.reading import read_json
from reversal_cli.report import accuracy_tables, load_results
from reversal_cli.report.page.headline import is_accuracy
from reversal_cli.report.plots import write_plots
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


def make_seeds(folder, n2d_reverse: dict[str, list[float]], own: bool = False) -> None:
    """Runs of each method with seeds 0, 1, ...; own: every seed has a benchmark of its own."""
    for method, values in n2d_reverse.items():
        for seed, value in enumerate(values):
            data = f"x-seed-{seed}" if own else "a"
            run = make_run(folder, method, method, {"N2D-reverse": value}, seed=seed, data=data)
            add_costs(run, tokens=1000 * (seed + 1), labels=10)
            if own:
                content = read_json(run.manifest_path)
                content["spec"]["dataset"]["generator"] = {"entities": 30, "seed": seed}
                write_json(run.manifest_path, content)


def test_methods_are_compared_with_ntp_seed_by_seed(tmp_path):
    """BICO - NTP: 10, 20, 30 points: t = 3.464 with 2 degrees, p 0.074; of 8 sign flips 2 go as far; 3.264 * 10 points
    are detectable; the interval reaches 4.303 * 10 / sqrt(3) = 24.8 to either side. ABI - NTP: 40, 40, 43: t = 41,
    p 0.0006. Holm doubles the smaller p of two."""
    make_seeds(tmp_path, {"abi": [0.4, 0.5, 0.63], "ntp": [0.0, 0.1, 0.2], "bico": [0.1, 0.3, 0.5]})
    (table,) = tables(tmp_path, "Differences over seeds (contains)")
    rows = {row[1]: row[3:] for row in table.rows if row[0] == "N2D-reverse"}
    assert rows == {
        "abi": ["3", "+41.0 ± 1.7", "[+36.7, +45.3]", "< 0.001", "0.001", "0.250", "0.500", "5.7"],
        "bico": ["3", "+20.0 ± 10.0", "[-4.8, +44.8]", "0.074", "0.074", "0.250", "0.500", "32.6"],
    }
    assert table.notes[0] == "Reference: ntp (tiny-llama)."


def test_seeds_of_one_benchmark_are_compared_wherever_it_lies(tmp_path):
    make_seeds(tmp_path / "here", {"ntp": [0.0, 0.1]}, own=True)
    make_seeds(tmp_path / "there", {"abi": [0.4, 0.5]}, own=True)
    for run in find_runs([tmp_path / "there"]):
        content = read_json(run.manifest_path)
        content["spec"]["dataset"]["path"] = f"/elsewhere/y-seed-{content['spec']['seed']}"
        write_json(run.manifest_path, content)
    (methods,) = tables(tmp_path, "Methods")
    assert [row[0] for row in methods.rows] == ["ntp", "abi"]
    (differences,) = tables(tmp_path, "Differences over seeds (contains)")
    assert [row[4] for row in differences.rows if row[:2] == ["N2D-reverse", "abi"]] == ["+40.0 ± 0.0"]
    assert not any("not compared" in note for note in load_results([tmp_path]).notes)


def test_methods_are_in_one_order_in_the_tables_of_all_seeds(tmp_path):
    for seed, methods in enumerate((("ntp", "abi", "bico"), ("bico", "ntp", "abi"))):
        for method in methods:
            make_run(tmp_path, method, method, {}, seed=seed, data=f"x-seed-{seed}")
    found = tables(tmp_path, "Accuracy (contains")
    assert [[row[0] for row in table.rows] for table in found] == [["ntp", "abi", "bico"]] * 2


def test_of_two_ntp_the_one_with_more_seeds_is_the_reference(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.1, 0.2], "bico": [0.1, 0.3, 0.5]})
    make_run(tmp_path, "a-single-ntp", "ntp", {"N2D-reverse": 0.9}, seed=0, epochs=2)
    (table,) = tables(tmp_path, "Differences over seeds (contains)")
    assert table.notes[0] == "Reference: ntp (tiny-llama)."
    assert [row[1] for row in table.rows if row[0] == "N2D-reverse"] == ["bico"]


@pytest.mark.parametrize("reference", ["study/bico", "bico"])
def test_another_reference_can_be_named(tmp_path, reference):
    """ABI - BICO: 30, 20, 13 points."""
    make_seeds(tmp_path, {"study/abi": [0.4, 0.5, 0.63], "study/bico": [0.1, 0.3, 0.5], "study/ntp": [0.0, 0.0, 0.0]})
    every = accuracy_tables(load_results([tmp_path]).frame, reference=reference)
    (table,) = [table for table in every if table.title.startswith("Differences over seeds")]
    assert table.notes[0] == "Reference: study/bico (tiny-llama)."
    rows = {row[1]: row[4] for row in table.rows if row[0] == "N2D-reverse"}
    assert rows == {"study/abi": "+21.0 ± 8.5", "study/ntp": "-30.0 ± 20.0"}


def test_a_reference_that_is_no_trained_run_is_refused(results, capsys):
    assert main(["report", str(results), "--reference", "bicos"]) == 2
    assert "--reference: unknown trained experiment 'bicos'; did you mean 'bico'?" in capsys.readouterr().err
    assert main(["report", str(results), "--reference", "untrained"]) == 2
    assert main(["report", str(results), "--reference", "bico", "--format", "csv"]) == 2
    assert "--reference" in capsys.readouterr().err


def test_a_reference_that_two_experiments_have_the_name_of_is_refused(tmp_path, capsys):
    make_seeds(tmp_path, {"a/bico": [0.1, 0.3], "b/bico": [0.1, 0.3]})
    assert main(["report", str(tmp_path), "--reference", "bico"]) == 2
    assert "--reference bico: a/bico and b/bico are called so; expected one; give its whole name" in (
        capsys.readouterr().err
    )
    assert main(["report", str(tmp_path), "--reference", "b/bico"]) == 0


def test_naming_a_reference_shows_the_methods(results, capsys):
    assert main(["report", str(results), "--reference", "bico"]) == 0
    assert "Methods (contains)" in capsys.readouterr().out


def test_equal_methods_have_no_t_test(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.0, 0.0]})
    (table,) = tables(tmp_path, "Differences over seeds")
    assert table.rows[2][3:] == ["2", "+0.0 ± 0.0", "–", "–", "–", "1.000", "1.000", "–"]


def test_methods_with_other_seeds_are_named(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0, 0.1], "bico": [0.5, 0.9], "abi": [0.7]})
    (methods,) = tables(tmp_path, "Methods")
    assert "Means are over different seeds: 0, 1, 2 of ntp; 0, 1 of bico; 0 of abi." in methods.notes
    (differences,) = tables(tmp_path, "Differences over seeds")
    assert {row[1] for row in differences.rows} == {"bico"}
    assert "Left out, without two seeds in common with the reference: abi." in differences.notes
    # Two seeds that differ by 40 points say next to nothing, and no difference is as large as what they would find.
    assert differences.rows[2][5] == "[-100.0, +100.0]" and differences.rows[2][-1] == "> 100"


def test_a_method_that_lacks_the_metric_in_a_seed_is_named_too(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.5, 0.9], "abi": [0.5, 0.9]})
    for run in ("ntp/seed-0", "ntp/seed-1", "bico/seed-1", "abi/seed-0", "abi/seed-1"):
        add_likelihood(RunDirectory(tmp_path / run))
    found = accuracy_tables(load_results([tmp_path]).frame, "rank_top1")
    (differences,) = [table for table in found if table.title.startswith("Differences over seeds")]
    assert {row[1] for row in differences.rows} == {"abi"}
    assert "Left out, without two seeds in common with the reference: bico." in differences.notes


def test_methods_with_the_same_seeds_need_no_word_about_them(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.5, 0.9]})
    make_run(tmp_path, "untrained", "none", {}, seed=0)  # one for both seeds
    notes = [*tables(tmp_path, "Methods")[0].notes, *tables(tmp_path, "Differences")[0].notes]
    assert not any(note.startswith(("Means are over", "Left out")) for note in notes)


def test_without_two_common_seeds_there_are_no_differences(results):
    assert tables(results, "Differences") == []


def test_seeds_with_a_benchmark_each_are_one_method_and_still_no_accuracy_table(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0, 0.0], "bico": [0.1, 0.2, 0.3]}, own=True)
    assert len(tables(tmp_path, "Accuracy")) == 3
    assert load_results([tmp_path]).notes == [
        "2 experiments have a dataset per seed: apart in tables of accuracy, together in those of methods"
    ]
    (table,) = tables(tmp_path, "Methods")
    assert [row[2:] for row in table.rows][1][:1] == ["3"]
    assert "20.0 ± 10.0" in table.rows[1]
    assert all(f"results/data/x-seed-{seed}" in table.note for seed in range(3))
    (differences,) = tables(tmp_path, "Differences")
    assert differences.rows[2][:5] == ["N2D-reverse", "bico", "bico", "3", "+20.0 ± 10.0"]
    write_plots(load_results([tmp_path]), tmp_path / "plots", "contains")
    assert (tmp_path / "plots/tokens.svg").is_file()


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
