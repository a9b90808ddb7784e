"""What leaves the process: nothing that a terminal obeys or a spreadsheet calculates, whatever the streams are."""

import csv
import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from evaluated_runs import A, B, change_json, make_two_runs
from report_runs import make_run

from reversal_cli.cli import main
from reversal_cli.console import LONGEST_ERROR, Terminal, error_line, make_table
from reversal_cli.plain_text import markdown_text, spreadsheet_text, visible
from reversal_cli.report.latex import escape
from reversal_cli.spec.toml import write_toml

ESCAPES = "a\x1b[2J\x9b\u202eb"
SHOWN = r"a\x1b[2J\x9b\u202eb"
FORMULA = '=HYPERLINK("x")'
PACKAGE = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def rename(experiment: str, name: str) -> None:
    change_json(Path(experiment) / "manifest.json", lambda content: content["spec"].update(name=name))


def test_every_message_and_table_shows_control_characters(capsys):
    terminal = Terminal()
    terminal.say(ESCAPES)
    terminal.fail(ESCAPES)
    error_line(ESCAPES)
    terminal.show(ESCAPES)
    terminal.show(make_table(ESCAPES, ["name"], [[ESCAPES]]))
    with terminal.progress(ESCAPES) as advance:
        advance(1, 1)
    printed = "".join(capsys.readouterr())
    assert printed.count(SHOWN) == 7
    assert printed == visible(printed, "\n")


@pytest.mark.parametrize("form", ["table", "md", "csv", "latex", "json"])
def test_a_crafted_name_is_only_text_in_every_format_of_the_report(form, capsys):
    run = make_run(Path("results"), "ntp", "ntp", {})
    rename(str(run.path), ESCAPES)
    assert main(["report", "--out", "results", "--html", "--format", form]) == 0
    printed = "".join(capsys.readouterr())
    assert visible(printed, "\n") == printed
    for file in ("accuracy.md", "accuracy.csv", "report.html"):
        text = Path("results", file).read_text()
        assert "\x1b" not in text and "\u202e" not in text


def test_a_crafted_manifest_puts_no_formula_into_a_spreadsheet(capsys, monkeypatch):
    runs = make_two_runs()
    rename(A, FORMULA)
    assert main(["report", "--out", "results", "--quiet"]) == 0
    lines = list(csv.DictReader(io.StringIO(Path("results/accuracy.csv").read_text())))
    assert {line["experiment"] for line in lines} == {"bico", f"'{FORMULA}"}
    assert all(float(line["value"]) >= 0 for line in lines)
    runs[0].path.parent.rename("results/=1+1")
    monkeypatch.chdir("results")
    capsys.readouterr()
    assert main(["compare", "=1+1", "bico", "--format", "csv"]) == 0
    (line, *_) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert line["a"] == "'=1+1/seed-0"
    assert float(line["difference"]) < 0  # a number stays one


def test_markdown_shows_pipes_and_tags_and_leaves_inequalities(capsys):
    run = make_run(Path("results"), "ntp", "ntp", {})
    rename(str(run.path), "x|<script>")
    assert main(["report", "--format", "md"]) == 0
    assert r"x\|&lt;script>" in capsys.readouterr().out
    assert markdown_text("p < 0.001, <= 3") == "p < 0.001, <= 3"


def test_compare_shows_a_crafted_name(capsys):
    make_two_runs()
    rename(A, ESCAPES)
    for form in ("table", "md", "csv", "json"):
        assert main(["compare", A, B, "--format", form]) == 0
        printed = "".join(capsys.readouterr())
        assert visible(printed, "\n") == printed


def test_texts_for_other_programs():
    assert spreadsheet_text("\tx") == "'\tx"
    assert spreadsheet_text("a=b") == "a=b"
    assert escape("\x1b&") == r"\textbackslash{}x1b\&"
    assert tomllib.loads(write_toml({"name": f"{ESCAPES}\x7f"})) == {"name": f"{ESCAPES}\x7f"}
    assert "\x7f" not in write_toml({"name": "\x7f"})


def test_an_endless_message_is_cut_in_the_middle(capsys):
    error_line("x" * 10_000)
    assert len(capsys.readouterr().err) < LONGEST_ERROR + 20


def run_with(redirection: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """`reversal` with its streams as a shell redirects them."""
    command = f'"$0" -c "import sys; from reversal_cli.cli import entry_point; entry_point()" "$@" {redirection}'
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE), **environment}
    full = ["bash", "-c", f"set -o pipefail; {command}", sys.executable, *arguments]
    return subprocess.run(full, capture_output=True, text=True, env=variables, check=False)


@pytest.mark.parametrize(
    ("redirection", "code", "message"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        (">&- 2>&- <&-", 0, ""),
        (">/dev/full", 2, "error: stdout: No space left on device; expected"),
        ("2>/dev/full", 0, ""),
        ("| true", 141, ""),
    ],
)
def test_a_stream_that_takes_nothing_is_no_traceback(redirection, code, message):
    done = run_with(redirection, "list", "--json")
    assert done.returncode == code
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == (1 if message else 0)


@pytest.mark.parametrize(("code", "last"), [(0, "stdout: No space left on device; expected"), (2, "nowhere: ")])
def test_what_has_no_room_when_the_process_ends_is_one_line_too(code, last, tmp_path):
    """A library may write to stdout and leave it to the end of the process to flush that."""
    options = {0: ["--entities", "2", "--out", str(tmp_path / "data"), "--quiet"], 2: ["--check", "nowhere"]}[code]
    start = (
        "import sys; from reversal_cli import cli; run = cli._run; "
        "cli._run = lambda arguments: sys.stdout.write('x') and run(arguments); sys.exit(cli.main(sys.argv[1:]))"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", start, "generate", *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONUNBUFFERED": ""},
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {last}") and done.stderr.count("\n") == 1


def test_an_ascii_stream_gets_a_readable_table():
    make_run(Path("results"), "ntp", "ntp", {"N2D": 0.5}, seed=0)
    make_run(Path("results"), "ntp", "ntp", {"N2D": 0.6}, seed=1)
    done = run_with("", "report", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout.isascii()) == (0, True)
    assert "55.0 +/- 7.1" in done.stdout
    assert json.dumps("±")[1:-1] not in done.stdout
