"""LaTeX, and the table of numbers published elsewhere."""

import re

import pytest
from report_measures import add_likelihood, add_references
from report_runs import BICO, make_run

from reversal_cli.cli import main
from reversal_cli.data.base import SUBTASKS
from reversal_cli.report import accuracy_tables, latex, load_results, published_table
from reversal_cli.report.latex import SPECIAL, escape, latex_cell
from reversal_cli.report.published import TABLE, read_published
from reversal_cli.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    for seed in (0, 1):
        run = make_run(folder, "100%_of {a} & $b^2$ ~#", "abi", BICO, seed)
        add_references(run)
        add_likelihood(run)
    return folder


def test_latex_tables_have_balanced_braces_and_as_many_cells_as_columns(results):
    tables = accuracy_tables(load_results([results]).frame)
    text = latex([*tables, published_table()])
    unescaped = re.sub(r"\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert text.count(r"\begin{table}") == text.count(r"\end{tabular}") == len(tables) + 1
    for part, table in zip(text.split(r"\begin{table}")[1:], tables, strict=False):
        rows = [line for line in part.splitlines() if line.endswith(r"\\")]
        assert len(rows) == len(table.rows) + 1
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns) - 1}


def test_latex_escapes_every_character_that_means_something_to_tex(results):
    text = latex(accuracy_tables(load_results([results]).frame))
    assert r"100\%\_of \{a\} \& \$b\textasciicircum{}2\$ \textasciitilde{}\#" in text
    body = "\n".join(text.splitlines()[1:])
    assert not re.search(r"(?<!\\)[%#_]|[–±~]", body)
    assert text.isascii()


@pytest.mark.parametrize("character", "\\&%$#_{}~^")
def test_an_escaped_character_stands_alone(character):
    assert escape(f"a{character}b") == f"a{SPECIAL[character]}b"
    assert SPECIAL[character] != character


def test_intervals_and_spreads_are_small_in_latex():
    assert latex_cell("75.0 [62, 86]") == r"75.0 {\scriptsize [62, 86]}"
    assert latex_cell("74.0 ± 3.1") == r"74.0 {\scriptsize $\pm$ 3.1}"
    assert latex_cell("bico") == "bico"
    assert latex_cell("–") == "--"


def test_json_has_a_flag_as_in_other_commands(results, capsys):
    assert main(["report", str(results), "--format", "json"]) == 0
    expected = capsys.readouterr().out
    assert main(["report", str(results), "--json"]) == 0
    assert capsys.readouterr().out == expected
    assert main(["report", str(results), "--json", "--format", "csv"]) == 2
    assert "--format csv" in capsys.readouterr().err


def test_every_format_can_be_printed(results, capsys):
    for form, start in (("md", "# Accuracy"), ("csv", "experiment,"), ("latex", "% In the preamble"), ("json", "[")):
        assert main(["report", str(results), "--format", form, "--quiet", "--all"]) == 0
        assert capsys.readouterr().out.startswith(start)


def test_an_unknown_format_is_an_error_with_a_suggestion(results, capsys):
    assert main(["report", str(results), "--format", "latx"]) == 2
    assert "unknown format 'latx'; did you mean 'latex'?" in capsys.readouterr().err
    assert main(["report", str(results), "--format", "markdown"]) == 2
    assert "unknown format 'markdown'; did you mean 'md'?" in capsys.readouterr().err


def test_every_published_value_has_a_metric_a_source_and_how_exact_it_is():
    lines = read_published()
    assert len(lines) > 40
    for line in lines:
        assert all(text.strip() for name, text in line._asdict().items() if name != "spread"), line
        assert line.subtask in SUBTASKS
        assert 0 <= float(line.value) <= 100
        assert line.exactness in ("exact", "approximate", "abstract only")
        assert line.read in ("full text", "abstract", "second hand")
        assert re.search(r"arXiv \d{4}\.\d{5}|github\.com/\S+", line.source), line
    keys = [(line.method, line.model, line.metric, line.subtask, line.source) for line in lines]
    assert len(keys) == len(set(keys))


def test_the_published_table_says_that_it_is_not_comparable_and_lists_every_source():
    table = published_table()
    assert "not comparable" in table.title
    for row in table.rows:
        assert f"{row[-1]} " in table.note
    assert "~70" in {cell for row in table.rows if row[0] == "BICO" for cell in row}
    assert TABLE.name == "published.csv"


def test_published_numbers_are_shown_on_request_and_never_in_the_csv(results, capsys):
    written = ["report", str(results), "--out", str(results)]
    assert main([*written, "--quiet"]) == 0
    assert "Published elsewhere" not in (results / "accuracy.md").read_text()
    assert main([*written, "--published"]) == 0
    assert "Published elsewhere" in capsys.readouterr().out
    assert "2309.12288" in (results / "accuracy.md").read_text()
    assert "2309.12288" not in (results / "accuracy.csv").read_text()
    assert set(load_results([results]).frame["experiment"]) == {
        run.manifest.spec.name for run in map(RunDirectory, (p.parent for p in results.rglob("manifest.json")))
    }
