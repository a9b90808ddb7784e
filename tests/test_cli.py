"""The command line as a tired user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from reversal_cli import __version__
from reversal_cli.cli import app, main
from reversal_cli.console import Terminal

COMMANDS = ["generate", "pretrain", "finetune", "eval", "report", "compare", "run", "export", "list"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a mistake prints: one line, on stderr alone."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    return err.strip()


def test_help_needs_no_heavy_import():
    heavy = {"torch", "transformers", "datasets", "peft", "pandas", "pydantic", "numpy"}
    code = (
        "import sys; from reversal_cli.cli import main; main(['--help']); "
        f"sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_command_and_every_option_has_a_text(capsys):
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in overview
        assert main([command, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"Usage: reversal {command} ")
    for name, command in get_command(app).commands.items():
        assert [parameter.name for parameter in command.params if not parameter.help] == [], name


def test_the_help_of_generate_speaks_of_entities(capsys):
    assert main(["generate", "--help"]) == 0
    words = capsys.readouterr().out.replace("--people", "")  # the name of an option stays
    assert "ntities per group" in words
    assert "erson" not in words and "eople" not in words


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"reversal {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["finetun"], "Did you mean 'finetune'"),
        (["finetune", "--epoch", "3"], "No such option: --epoch"),
        (["finetune", "--epochs", "ten"], "'--epochs'"),
        (["finetune", "nope.toml"], "nope.toml: no such file"),
        (["finetune", "--objective", "bicco"], "--objective: unknown objective 'bicco'; did you mean 'bico'?"),
        (["finetune", "--set", "objective.bico_share=0.7"], "belongs to objective 'bico'"),
        (["finetune", "--data", "nope"], "nope: no such folder"),
        (["finetune", "--lora", "--set", "training.tuning=full"], "--lora and --set: 'training.tuning' is given twice"),
        (["finetune", "--eval-every", "0"], "--eval-every: training.eval_every is 0; expected at least 1"),
        (["pretrain", "--set", "training.eval_every=1"], "eval_every needs validation prompts; a corpus has none"),
        (["eval"], "results: holds no run"),
        (["eval", "nope"], "nope: no such folder"),
        (["eval", "--limit", "0"], "'--limit'"),
        (["eval", "--data", "x"], "belong to --model"),
        (["eval", "x", "--model", "tiny-llama"], "name either runs or a model"),
        (["report"], "results: no such folder"),
        (["report", "--format", "xml"], "unknown format 'xml'"),
        (["run"], "Missing argument 'EXPERIMENT.toml'"),
        (["run", "nope.toml"], "nope.toml: no such file"),
        (["list", "extra"], "expected --options before it"),
        (["generate", "--check", "nope"], "nope: no such folder"),
        (["generate", "--check", "x", "--seed", "1"], "--seed: not possible here"),
        (["generate", "--people", "3"], "--people: not possible here"),
        (["generate", "--corpus", "--entities", "3"], "--entities: not possible here"),
        (["generate", "--entities", "1"], "--entities: entities is 1; expected at least 2"),
        (["generate", "--entities", "1000000"], "--entities: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, expected, capsys):
    assert expected in error(capsys, *arguments)


def test_generate_writes_and_checks_a_benchmark(capsys):
    assert main(["generate", "--entities", "2", "--out", "data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["options"]["entities"] == 2
    assert main(["generate", "--check", "data"]) == 0
    out, err = capsys.readouterr()
    assert "all_prompts_train.jsonl" in out
    assert "name-first" in out
    assert err == "data: no problems, 0 warnings\n"
    assert "is not empty" in error(capsys, "generate", "--entities", "2", "--out", "data")
    assert main(["generate", "--entities", "3", "--out", "data", "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_exits_1_and_names_the_problem(capsys):
    assert main(["generate", "--entities", "2", "--out", "data", "--quiet"]) == 0
    path = Path("data/p2d_prompts_train.jsonl")
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    assert main(["generate", "--check", "data", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert all(line.startswith("problem: ") for line in err.splitlines())
    assert "p2d_prompts_train.jsonl" in err


def test_generate_writes_the_corpus(capsys):
    assert main(["generate", "--corpus", "--people", "5", "--sentences", "4"]) == 0
    assert len(Path("results/data/corpus/corpus.jsonl").read_text().splitlines()) == 20


def test_dry_run_prints_the_folder_and_a_spec_that_can_be_run(capsys):
    assert main(["finetune", "--objective", "bico", "--full", "--epochs", "3", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# results/tiny-llama-bico/seed-0 (digest ")
    Path("again.toml").write_text(out)
    assert main(["finetune", "again.toml", "--dry-run"]) == 0
    assert capsys.readouterr().out == out
    assert [path.name for path in Path().iterdir()] == ["again.toml"]


def test_dry_run_as_json(capsys):
    assert main(["finetune", "--dry-run", "--json", "--out", "r"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert run["run"] == "r/tiny-llama-ntp/seed-0"
    assert run["spec"]["objective"]["name"] == "ntp"


def test_list_shows_all_kinds_of_names(capsys):
    assert main(["list", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert sorted(kinds) == ["datasets", "metrics", "models", "objectives", "objectives by model family"]
    assert {"abi on rotary", "bico on glm"} <= kinds["objectives by model family"].keys()
    assert {"ntp", "bico", "none"} <= set(kinds["objectives"])
    assert {name for name, text in kinds["metrics"].items() if "lower is better" in text} == {
        "shortcut",
        "wrong_entity",
    }
    assert main(["list"]) == 0
    assert "tiny-llama" in capsys.readouterr().out


def test_an_interruption_anywhere_is_one_line_and_exit_code_130(monkeypatch, capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reversal_cli.commands.listing.known_names", interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err.startswith("interrupted; ")


def test_a_full_disk_is_one_line_and_a_bug_keeps_its_traceback(monkeypatch, capsys):
    def full() -> None:
        raise OSError(28, "No space left on device", "results/x")

    monkeypatch.setattr("reversal_cli.commands.listing.known_names", full)
    assert "results/x: No space left on device" in error(capsys, "list")

    def bug() -> None:
        raise OSError("a model that cannot be loaded")

    monkeypatch.setattr("reversal_cli.commands.listing.known_names", bug)
    with pytest.raises(OSError, match="cannot be loaded"):
        main(["list"])


def test_messages_are_not_read_as_markup(capsys):
    Terminal().say("[red]/[/red] [0, 1]")
    assert capsys.readouterr().err == "[red]/[/red] [0, 1]\n"
