"""Figures: that they exist, are whole, and say what they show. How they look is for eyes."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.image import imread
from raw_records import raw_prediction, write_raw_predictions
from report_measures import add_curve, add_predictions, add_references
from report_runs import BICO, make_results, make_run

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import read_json
from reversal_cli.report import load_results
from reversal_cli.report.plots import MOST_HEAT_MAPS, heat_map_note, write_plots
from reversal_cli.report.plots.bars import bar_figure
from reversal_cli.report.plots.curve_points import curve_points
from reversal_cli.report.plots.heatmap import entity_order, heatmap_figure, score_grid
from reversal_cli.report.plots.style import COLOURS, HATCHES, MARKERS, group_names, legend_columns
from reversal_cli.runs.directory import RunDirectory, write_json

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = make_results(tmp_path_factory.mktemp("results"))
    run = RunDirectory(folder / "bico/seed-0")
    add_references(run)
    add_curve(run, BICO)
    add_predictions(run, {"N2D": 0.5, "D2N": 1, "N2D-reverse": 0.5})
    return folder


@pytest.fixture(scope="module")
def plots(results):
    folder = results / "drawn"
    write_plots(load_results([results]), folder, "contains")
    return folder


def texts(svg) -> set[str]:
    root = ET.fromstring(svg.read_text(encoding="utf-8"))
    return {"".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("}text")}


def test_each_figure_is_a_whole_png_and_svg(plots):
    names = ["accuracy", "entities-bico-seed-0", "epochs"]
    assert sorted(path.name for path in plots.iterdir()) == sorted(
        f"{n}.{end}" for n in names for end in ("png", "svg")
    )
    for name in names:
        png = (plots / f"{name}.png").read_bytes()
        assert png.startswith(PNG) and png.endswith(b"IEND\xaeB`\x82")
        assert ET.fromstring((plots / f"{name}.svg").read_text()).tag == "{http://www.w3.org/2000/svg}svg"


def test_bars_name_subtasks_runs_floors_and_controls(plots):
    shown = texts(plots / "accuracy.svg")
    assert {*SUBTASKS, "untrained", "ntp", "bico", "Accuracy (contains), tiny-llama", "accuracy, %"} <= shown
    assert {
        "wrong entity's answer",
        "same entity, another wording",
        "both-directions group",
        "fact in context",
    } <= shown
    assert {"36", "70", "100"} <= shown  # values above bars: NTP on N2D, mean of BICO on N2D-reverse


def test_curves_name_subtasks_and_the_runs_that_have_one(plots):
    shown = texts(plots / "epochs.svg")
    assert {*SUBTASKS, "epoch", "bico"} <= shown
    assert "ntp" not in shown


def test_the_heat_map_names_each_subtask_with_its_accuracy(plots):
    """Six entities, four templates: N2D-reverse is right in 2 (even entities) or 3 (odd ones) of 4."""
    shown = texts(plots / "entities-bico-seed-0.svg")
    assert {"N2D-reverse: 62.5 %", "D2N: 100.0 %", "right (contains 1)", "test-0", "test-3"} <= shown


def test_the_panels_of_a_heat_map_are_in_the_order_of_the_tables(results):
    loaded = load_results([results])
    run = RunDirectory(results / "bico/seed-0")
    figure = heatmap_figure(loaded.frame[loaded.frame["experiment"] == "bico"], run, "contains")
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == list(SUBTASKS)


def test_the_same_runs_give_the_same_bytes_and_no_date(results, plots, tmp_path):
    write_plots(load_results([results]), tmp_path, "contains")
    for path in plots.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    assert not re.search(r"<dc:date>|20\d\d-\d\d-\d\d", (plots / "accuracy.svg").read_text())


def test_runs_without_curves_predictions_or_the_metric_have_fewer_figures(tmp_path):
    make_results(tmp_path)
    results = load_results([tmp_path])
    assert [path.name for path in write_plots(results, tmp_path / "plots", "contains")] == ["accuracy"]
    assert write_plots(results, tmp_path / "plots", "rank_top1") == []


def test_each_dataset_has_figures_of_its_own(tmp_path):
    make_results(tmp_path)
    make_run(tmp_path, "elsewhere", "bico", BICO, data="b")
    assert main(["report", str(tmp_path), "--plots", "--quiet", "--out", str(tmp_path / "out")]) == 0
    stems = {path.stem for path in (tmp_path / "out/plots").iterdir()}
    assert stems == {f"accuracy-{dataset}" for dataset in load_results([tmp_path]).frame["dataset"]}


def test_a_broken_curve_is_one_clear_line(tmp_path):
    run = make_run(tmp_path, "bico", "bico", BICO)
    run.curve_path.write_text('{"step": 3}\n')
    with pytest.raises(ReversalError, match=r"curve\.jsonl:1: lacks 'epoch'; .*; remove the file and plot without it"):
        write_plots(load_results([tmp_path]), tmp_path / "plots", "contains")


def test_the_caption_of_curves_says_the_intervals_of_those_drawn(tmp_path):
    """The curve of NTP is over entities, as an earlier version wrote it, and has no such metric."""
    for experiment in ("ntp", "bico"):
        add_curve(make_run(tmp_path, experiment, "bico", BICO), BICO)
    path = RunDirectory(tmp_path / "ntp/seed-0").curve_path
    old = path.read_text().replace('"intervals": "entities-and-templates", ', "")
    path.write_text(old)
    write_plots(load_results([tmp_path]), tmp_path / "both", "contains")
    path.write_text(old.replace("contains", "exact"))
    write_plots(load_results([tmp_path]), tmp_path / "one", "contains")
    start = "on validation templates; bands: 95 % interval over entities"
    assert {f"{start} or entities and templates"} <= texts(tmp_path / "both/epochs.svg")
    assert {f"{start} and templates"} <= texts(tmp_path / "one/epochs.svg")


def test_a_score_grid_holds_each_prediction_where_its_entity_and_template_are(results):
    run = RunDirectory(results / "bico/seed-0")
    grid = score_grid(run, "N2D-reverse", "contains")
    for record in run.read_predictions("N2D-reverse"):
        assert grid.loc[record.entity_id, record.template_id] == record.scores["contains"]
    assert score_grid(run, "N2D-reverse", "mrr") is None


def test_prompts_without_template_names_are_numbered_within_their_entity(tmp_path):
    run = RunDirectory(tmp_path)
    scores = {"a": (1.0, 0.0), "b": (0.0, 0.0)}
    lines = [
        raw_prediction("", entity_id=entity, scores={"contains": score})
        for entity, values in scores.items()
        for score in values
    ]
    write_raw_predictions(run, "N2D", lines)
    grid = score_grid(run, "N2D", "contains")
    assert list(grid.columns) == ["01", "02"]
    assert grid.loc["a"].tolist() == [1.0, 0.0]
    assert entity_order(grid, grid) == ["a", "b"]


def test_legend_entries_are_short_but_tell_all_runs_apart(tmp_path):
    make_results(tmp_path)
    make_run(tmp_path, "other-bico", "bico", BICO)
    names = group_names(load_results([tmp_path]).frame)
    assert sorted(names.values()) == ["bico", "ntp", "other-bico", "untrained"]
    make_run(tmp_path, "bico", "bico", BICO, seed=9, epochs=3)
    names = group_names(load_results([tmp_path]).frame)
    assert len(set(names.values())) == len(names) == 5
    assert legend_columns(["ab", "cd"]) == 2
    assert legend_columns(["x" * 48] * 3) == 2


def make_grid(folder: Path, number: int) -> Path:
    for index in range(number):
        run = make_run(folder, f"grid/bico-{index}", "bico", BICO)
        add_curve(run, BICO)
        add_predictions(run, BICO, entities=2, templates=2)
    return folder


def test_a_training_that_ended_within_an_epoch_has_its_last_point_there(tmp_path):
    run = make_run(tmp_path, "bico", "bico", BICO)
    add_curve(run, BICO, epochs=3)
    assert [point.epoch for point in curve_points(run, "contains")["D2N"]] == [1, 2, 3]
    manifest = read_json(run.manifest_path)
    write_json(run.manifest_path, manifest | {"training": {"steps": 300, "epochs": 2.4}})
    assert [point.epoch for point in curve_points(run, "contains")["D2N"]] == [1, 2, 2.4]


@pytest.mark.parametrize("number", [8, 9, 30])
def test_every_run_is_named_inside_the_figure_however_many_there_are(number, tmp_path):
    results = load_results([make_grid(tmp_path, number)])
    write_plots(results, tmp_path / "plots", "contains")
    for stem in ("accuracy", "epochs"):
        svg = tmp_path / f"plots/{stem}.svg"
        assert {f"bico-{index}" for index in range(number)} <= texts(svg)
        image = imread(svg.with_suffix(".png"))[:, :, :3]
        for border in (image[:3], image[-3:], image[:, :3], image[:, -3:]):
            assert (border == 1).all()  # white: nothing runs off the figure


def test_a_bar_figure_has_at_most_8_runs_and_no_colour_or_hatch_twice(tmp_path):
    assert len(COLOURS) == len(set(COLOURS)) == len(set(HATCHES)) == len(set(MARKERS)) == 8
    for number, patches in ((8, True), (9, False)):
        part = load_results([make_grid(tmp_path / str(number), number)]).frame
        assert bool(bar_figure(part, "contains").axes[0].patches) == patches


def test_heat_maps_are_drawn_of_the_first_runs_and_a_line_says_so(tmp_path, capsys):
    make_grid(tmp_path, MOST_HEAT_MAPS + 2)
    assert main(["report", str(tmp_path), "--plots"]) == 0
    assert len(list((tmp_path / "plots").glob("entities-*.png"))) == MOST_HEAT_MAPS
    assert f"drawn for the first {MOST_HEAT_MAPS} of {MOST_HEAT_MAPS + 2} runs" in capsys.readouterr().err
    assert heat_map_note(load_results([tmp_path / "grid/bico-1"])) == ""


def test_a_run_without_predictions_has_no_heat_map_and_takes_the_place_of_none(tmp_path):
    make_grid(tmp_path, MOST_HEAT_MAPS + 1)
    for path in (tmp_path / "grid/bico-0").rglob("predictions/*"):
        path.unlink()
    results = load_results([tmp_path])
    write_plots(results, tmp_path / "plots", "contains")
    assert len(list((tmp_path / "plots").glob("entities-*.png"))) == MOST_HEAT_MAPS
    assert heat_map_note(results) == ""
