"""Values of another type in the files of a run: each is named with its place, by whatever reads the file."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from evaluated_runs import A, B, change_json, change_predictions, make_two_runs

from reversal_cli.cli import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a command that is refused."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("error: ").strip()


@pytest.mark.parametrize("value", ["x", [1], {}, True])
@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("metrics.json", ("subtasks", "N2D", "metrics", "contains", "mean")),
        ("metrics.json", ("subtasks", "N2D", "metrics", "contains", "low")),
        ("metrics.json", ("subtasks", "N2D", "n")),
        ("metrics.json", ("subtasks", "D2N", "entities")),
        ("metrics.json", ("subtasks", "D2N", "templates")),
        ("metrics.json", ("subtasks", "D2N", "intervals")),
        ("metrics.json", ("subtasks", "D2N", "log_probability_gap", "intervals")),
        ("manifest.json", ("spec", "seed")),
        ("manifest.json", ("spec", "training", "learning_rate")),
        ("manifest.json", ("dataset", "leaks", 0, "count")),
        ("manifest.json", ("evaluation", "threads")),
        ("manifest.json", ("training", "threads")),
    ],
    ids=lambda keys: ".".join(map(str, keys)) if isinstance(keys, tuple) else "",
)
@pytest.mark.parametrize("command", [("report",), ("compare", A, B)], ids=["report", "compare"])
def test_a_value_of_another_type_in_a_file_of_a_run_is_named(command, file, keys, value, capsys):
    make_two_runs()

    change_json(Path(B) / file, lambda content: put(content, keys, value))
    assert error(capsys, *command).startswith(f"{B}/{file}: {'.'.join(map(str, keys))} is ")


def put(content: dict, keys: Sequence[str | int], value: object) -> None:
    """Sets the value at the end of the keys; the tables and lists on the way are made where they are absent."""
    for key, below in itertools.pairwise(keys):
        if isinstance(content, dict):
            content = content.setdefault(key, [{}] if isinstance(below, int) else {})
        else:
            content = content[key]
    content[keys[-1]] = value


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("dataset", "leaks"), "x"),
        (("dataset", "leaks"), None),
        (("evaluation",), "x"),
        (("training",), [1]),
        (("training", "weights"), [1]),
    ],
)
def test_a_section_of_a_manifest_of_another_form_is_named(keys, value, capsys):
    make_two_runs()
    change_json(Path(B) / "manifest.json", lambda content: put(content, keys, value))
    for command in (("report",), ("eval", B)):
        assert error(capsys, *command).startswith(f"{B}/manifest.json: {'.'.join(keys)} is ")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("subtasks", "N2D", "intervals"), "rows"),
        (("subtasks", "N2D", "templates"), "x"),
        (("subtasks",), [1]),
        (("prompts",), 3),
        (("epoch",), "x"),
    ],
)
def test_a_record_of_a_curve_of_another_form_is_named_with_its_line(keys, value, capsys):
    run = make_two_runs()[1]
    record = {"epoch": 1, "step": 2, "subtasks": {}}
    put(record, keys, value)
    lines = [{"epoch": 0, "step": 1, "subtasks": {}}, record]
    run.curve_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["report", "--plots", "--quiet"]) == 2
    assert f"{B}/curve.jsonl:2: {'.'.join(keys)} is " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"contains": "x"}}, ":1: scores.contains is 'x'; expected a number"),
        ({"scores": None}, ":1: scores is None; expected a table"),
        ({"completion": 3}, ":1: completion is 3; expected a text"),
        ({"ranking": {"rank": 0}}, ":1: ranking.rank is 0; expected at least 1"),
        ({"ranking": "x"}, ":1: ranking is 'x'; expected a table"),
    ],
)
@pytest.mark.parametrize("command", [("report", "--html"), ("compare", A, B)], ids=["report", "compare"])
def test_a_prediction_of_another_form_is_named_with_its_line(command, change, message, capsys):
    run = make_two_runs()[1]
    change_predictions(run, "N2D", lambda records: records[0].update(change))
    assert main(command) == 2
    assert f"{B}/predictions/N2D.jsonl{message}" in capsys.readouterr().err
