"""Files and values that are broken in ways nobody expects: one line each, never a traceback."""

from pathlib import Path

import pytest
from evaluated_runs import A, B, make_two_runs

from reversal_cli.cli import main
from reversal_cli.files.reading import DEEPEST, LARGEST, parse_json

DIGITS = "9" * 6000
NESTED = "[" * 100_000


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"seed = {DIGITS}".encode(), f"broken TOML: a whole number beyond {LARGEST}"),
        (f"seed = 0x{'f' * 6000}".encode(), "broken TOML: a whole number beyond"),
        (f"seed = {NESTED}".encode(), f"broken TOML: nested more than {DEEPEST} levels deep"),
        (f"{'a.' * 5000}b = 1".encode(), "broken TOML: nested more than"),
        (b"\xff\xfe", "byte 0 is not UTF-8; expected an experiment in TOML"),
        ("seed = 1".encode("utf-16"), "byte 0 is not UTF-8"),
    ],
    ids=["digits", "hex", "nested", "dotted", "bytes", "utf-16"],
)
@pytest.mark.parametrize("command", ["run", "finetune", "pretrain"])
def test_toml_that_python_itself_cannot_handle_is_one_line(command, content, message, capsys):
    Path("x.toml").write_bytes(content)
    assert error(capsys, command, "x.toml").startswith(f"x.toml: {message}")


def test_a_byte_order_mark_is_no_mistake(capsys):
    Path("x.toml").write_bytes(b"\xef\xbb\xbfseed = 7\n")
    assert main(["finetune", "x.toml", "--dry-run"]) == 0
    assert "seed = 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "message"),
    [(DIGITS, "is a whole number beyond"), (NESTED, "is nested more than"), ("{a=" * 5000, "is nested more than")],
    ids=["digits", "lists", "tables"],
)
def test_a_set_value_that_python_itself_cannot_handle_is_one_line(value, message, capsys):
    assert message in error(capsys, "finetune", "--set", f"seed={value}")


@pytest.mark.parametrize("file", ["metrics.json", "manifest.json", "predictions/N2D.jsonl"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (NESTED, "nested more than"),
        ('{"a": ' * 100_000, "nested more than"),
        (f'{{"a": {DIGITS}}}\n{{}}\n', "a whole number beyond"),
        (f'{{"a": {"9" * 4000}}}\n{{}}\n', "a whole number beyond"),
        ("\x00\n{}\n", "broken JSON"),
    ],
    ids=["lists", "tables", "digits", "fewer digits", "zero"],
)
def test_a_file_of_a_run_that_python_itself_cannot_handle_is_one_line(file, content, message, capsys):
    make_two_runs()
    text = content if file.endswith(".json") else content.split("\n")[0] + "\n{}\n"
    (Path(B) / file).write_text(text)
    found = error(capsys, "compare", A, B)
    assert found.startswith(f"{B}/{file}")
    assert message in found or "broken JSON" in found


def test_json_is_read_to_the_limits_and_no_further():
    assert parse_json(f"[{LARGEST}, 1e300]") == [LARGEST, 1e300]
    with pytest.raises(ValueError, match="beyond"):
        parse_json(f"[{LARGEST + 1}]")
    deepest = "[" * DEEPEST + "]" * DEEPEST
    assert parse_json(deepest)
    with pytest.raises(ValueError, match="levels deep"):
        parse_json(f"[{deepest}]")


def test_a_folder_in_place_of_a_file_is_said_to_be_unreadable_not_unwritable(capsys):
    make_two_runs()
    metrics = Path(B) / "metrics.json"
    metrics.unlink()
    metrics.mkdir()
    assert "write" not in error(capsys, "compare", A, B)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("seed=true", "seed is true; expected a whole number"),
        ('seed="1"', "seed is '1'; expected a whole number"),
        ("training.epochs=3.0", "training.epochs is 3.0; expected a whole number"),
        ("training.learning_rate=true", "training.learning_rate is true; expected a number"),
        ('training.learning_rate="1"', "training.learning_rate is '1'; expected a number"),
        ('evaluation.likelihood="true"', "evaluation.likelihood is 'true'; expected true or false"),
        ("evaluation.likelihood=1", "evaluation.likelihood is 1; expected true or false"),
        ('dataset.generator.entities="3"', "dataset.generator.entities is '3'; expected a whole number"),
    ],
)
def test_a_value_of_another_type_is_not_converted(setting, expected, capsys):
    assert error(capsys, "finetune", "--dry-run", "--set", setting) == f"--set: {expected}"


def test_a_whole_number_is_a_number(capsys):
    settings = (
        "--set",
        "training.learning_rate=1",
        "--objective",
        "bico",
        "--set",
        "objective.mask_probability=[0.1, 0.2]",
    )
    assert main(["finetune", "--dry-run", *settings]) == 0
    assert "mask_probability = [0.1, 0.2]" in capsys.readouterr().out


def test_an_unknown_key_without_a_near_one_lists_its_section(capsys):
    found = error(capsys, "finetune", "--set", "training.foo=1")
    assert found.startswith("--set: unknown key 'training.foo'; expected one of training.batch_size, training.device, ")


@pytest.mark.parametrize("value", ["abc", "1.5", "-1"])
def test_a_number_of_processes_that_is_none_is_one_line(value, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", value)
    assert error(capsys, "finetune").startswith(f"WORLD_SIZE: found '{value}'; expected")


@pytest.mark.parametrize("content", ['{"spec": 3}', "[]", NESTED])
def test_a_record_of_a_base_model_that_is_none_is_one_line(content, capsys):
    Path("base").mkdir()
    Path("base/pretrain.json").write_text(content)
    assert error(capsys, "pretrain", "--out", "base").startswith("base/pretrain.json: ")


def test_the_current_folder_is_refused_before_a_base_is_trained(capsys, tmp_path):
    settings = ("people=4", "sentences=4", "training.epochs=1", "vocab_size=400")
    arguments = [argument for setting in settings for argument in ("--set", setting)]
    found = error(capsys, "pretrain", "--out", ".", "--device", "cpu", *arguments)
    assert found.startswith(".: is the current folder, or holds it; expected a new one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ['{"sha256": {}, "options": 3}', '{"sha256": {}, "counts": []}', "[]", NESTED])
def test_a_dataset_card_that_is_none_is_one_line(content, capsys):
    assert main(["generate", "--entities", "2", "--out", "data", "--quiet"]) == 0
    Path("data/dataset.json").write_text(content)
    assert error(capsys, "generate", "--check", "data").startswith("data/dataset.json: ")


def test_a_path_that_is_not_utf_8_is_one_line(capsys):
    assert error(capsys, "finetune", "--data", "\udcff") == r"--data: dataset.path is '\udcff'; expected UTF-8"


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_an_endless_key_is_not_compared_with_every_other(command, capsys):
    assert "unknown key 'a.a.a." in error(capsys, command, "--set", f"{'a.' * 5000}b=1")
