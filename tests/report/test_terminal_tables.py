"""Tables in a terminal: nothing repeated, nothing cut, nothing left out in silence."""

import io
from pathlib import Path

import pytest
from evaluated_runs import A, B, make_two_runs
from report_measures import add_likelihood, add_references
from report_runs import BICO, make_results, make_run
from rich.console import Console

from reversal_cli.cli import main
from reversal_cli.report import ReportTable, accuracy_tables, load_results, rich_tables
from reversal_cli.report.compact import compact
from reversal_cli.report.terminal import fold
from reversal_cli.runs.directory import RunDirectory

WIDTHS = (60, 80, 120)


def printed(tables: list[ReportTable], width: int, **options: object) -> str:
    console = Console(width=width, file=io.StringIO(), **options)
    for table in rich_tables(tables, width):
        console.print(table)
    return console.file.getvalue()


def tables_of(results: Path) -> list[ReportTable]:
    return accuracy_tables(load_results([results]).frame)


def many_runs(folder: Path, number: int) -> Path:
    for index in range(number):
        objective = ("none", "ntp", "bico", "abi")[index % 4]
        name = f"grid/tiny-{'llama' if index < number / 2 else 'glm'}-{'untrained' if index % 4 == 0 else objective}"
        model = "tiny-llama" if index < number / 2 else "tiny-glm"
        run = make_run(folder, f"{name}-{index}", objective, BICO, model=model)
        add_references(run)
        add_likelihood(run)
    return folder


@pytest.mark.parametrize("number", [2, 8, 20])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_mean_and_interval_is_whole_at_every_width(number, width, tmp_path):
    tables = tables_of(many_runs(tmp_path, number))
    shown = printed(tables, width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    words = set(shown.split())
    for table in tables[:2]:
        assert {cell.split(" ")[0] for row in table.rows for cell in row[-4:]} <= words
        assert all(cell.split(" ", 1)[1] in shown for row in table.rows for cell in row[-4:] if " " in cell)


def test_decimal_points_stand_below_one_another(tmp_path):
    lines = printed(tables_of(make_results(tmp_path))[:1], 100).splitlines()
    rows = [line for line in lines if line.startswith(("untrained", "ntp", "bico", "     "))]
    assert len({line.index(".") for line in rows}) == 1


def test_a_value_that_all_rows_share_and_what_names_say_is_below_the_table(tmp_path):
    for name, model, objective in (("llama-ntp", "llama", "ntp"), ("glm-abi", "glm", "abi")):
        make_run(tmp_path, f"quick/{name}", objective, BICO, model=model)
    table = compact(tables_of(tmp_path)[0])
    assert table.columns == ["experiment", "N2D", "D2N", "N2D-reverse", "D2N-reverse"]
    assert [row[0] for row in table.rows] == ["llama-ntp", "glm-abi"]
    assert "All experiments are in quick/." in table.notes


def test_a_detail_of_an_objective_that_names_do_not_say_is_kept(tmp_path):
    columns = ["experiment", "objective", "N2D"]

    def compacted(*objectives: str) -> ReportTable:
        rows = [[f"x-abi-{index}", objective, "1.0"] for index, objective in enumerate(objectives)]
        return compact(ReportTable("", columns, [*rows, ["x-ntp", "ntp", "1.0"]], [], ["N2D"]))

    assert compacted("abi (single)", "abi (single)").notes == ["Objective of abi runs: abi (single)."]
    assert compacted("abi (single)", "abi (random)").columns == columns


def test_an_objective_that_a_name_does_not_tell_keeps_its_column(tmp_path):
    make_run(tmp_path, "first", "ntp", BICO)
    make_run(tmp_path, "second", "bico", BICO)
    assert compact(tables_of(tmp_path)[0]).columns[:2] == ["experiment", "objective"]


def test_runs_stand_in_the_order_in_which_they_were_begun_and_the_untrained_one_first(tmp_path):
    for name, model, objective in (
        ("z", "llama", "ntp"),
        ("y", "glm", "bico"),
        ("x", "llama", "bico"),
        ("w", "glm", "none"),
        ("a", "llama", "ntp"),
    ):
        make_run(tmp_path, name, objective, BICO, model=model)
    assert [row[0] for row in tables_of(tmp_path)[0].rows] == ["z", "x", "a", "w", "y"]


def test_named_folders_are_shown_in_the_order_in_which_they_are_named(tmp_path):
    runs = [make_run(tmp_path, name, "ntp", BICO).path for name in ("first", "second")]
    frame = load_results(list(reversed(runs))).frame
    assert list(frame["experiment"].unique()) == ["second", "first"]


def test_a_note_of_several_tables_is_printed_once(tmp_path):
    make_results(tmp_path)
    for run in ("ntp", "bico"):
        add_references(RunDirectory(tmp_path / run / "seed-0"))
        add_likelihood(RunDirectory(tmp_path / run / "seed-0"))
    shown = " ".join(printed(tables_of(tmp_path), 100).split())
    assert shown.count("Percent [95 % interval") == 1
    assert shown.count("Dataset results/data/a") == 1
    assert shown.count("fact in context: ") == 1


def test_columns_that_find_no_room_follow_with_the_names_of_their_rows():
    names, heads = ["a-method", "another"], [f"number-{index}" for index in range(14)]
    rows = [[name, *(f"{10 * row + column}.0" for column in range(14))] for row, name in enumerate(names)]
    shown = printed([ReportTable("Numbers", ["experiment", *heads], rows, ["A note."], heads)], 60)
    assert shown.count("Numbers\n") + shown.count("Numbers ") == 1
    assert shown.count("Numbers, further columns") == 2
    for row in rows:
        lines = [line.split() for line in shown.splitlines() if line.startswith(row[0])]
        assert [word for line in lines for word in line[1:]] == row[1:]
        assert len(lines) == 3
    assert shown.rstrip().endswith("A note.") and max(map(len, shown.splitlines())) <= 60


def test_compare_shows_every_column_at_60_columns(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_two_runs()
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["compare", A, B]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Each subtask: 24 rows, 8 entities, 3 templates." in shown
    for column in ("p (Holm)", "p (McNemar)"):
        assert column in shown.replace("p (Mc- Nemar)", "p (McNemar)")


@pytest.mark.parametrize(("no_color", "colour"), [("1", False), ("", True)])
def test_no_color_is_respected(no_color, colour, monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(file=io.StringIO(), force_terminal=True)
    console.print("[red]x[/red]")
    assert ("\x1b[31m" in console.file.getvalue()) == colour


def test_intervals_are_muted_and_means_are_not(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = printed(tables_of(make_results(tmp_path))[:1], 100, force_terminal=True, color_system="standard")
    assert "\x1b[2m[26, 46]" in shown
    assert "\x1b[2m36.0" not in shown


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        ("tiny-llama-untrained", 12, "tiny-llama-\nuntrained"),
        ("  tiny-llama-ntp", 13, "  tiny-llama-\n  ntp"),
        ("same entity, another wording", 16, "same entity,\nanother wording"),
        ("abcdefghij", 4, "abcd\nefgh\nij"),
    ],
)
def test_names_fold_at_their_parts(name, width, lines):
    assert fold(name, width) == lines


def test_report_prints_and_writes_nothing_unless_it_is_asked_to(tmp_path, capsys):
    make_results(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for form in ("table", "md", "csv", "latex", "json"):
        assert main(["report", str(tmp_path), "--format", form]) == 0
        assert capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["report", str(tmp_path), "--html"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["report.html"]
