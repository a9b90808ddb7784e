"""The command line as a tired user meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from reversal_cli import __version__
from reversal_cli.cli import app, main
from reversal_cli.console import Terminal

COMMANDS = ["generate", "pretrain", "finetune", "eval", "report", "compare", "run", "bench", "export", "list"]


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
    assert "Entities in each" in words
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
        (["finetune", "--epoch", "3"], "No such option: --epoch; did you mean '--epochs'; see"),
        (["finetune", "--epoch=3"], "No such option: --epoch; did you mean '--epochs'; see"),
        (["finetune", "-epochs", "3"], "No such option: -e; did you mean '--epochs'; see"),
        (["eval", "--no-likelihod"], "No such option: --no-likelihod; did you mean '--no-likelihood'; see"),
        (["finetune", "--zzzzzzz"], "No such option: --zzzzzzz; see `reversal finetune --help`"),
        (["--versio"], "No such option: --versio; did you mean '--version'; see `reversal --help`"),
        (["finetune", "--epochs", "ten"], "'--epochs'"),
        (["finetune", "nope.toml"], "nope.toml: no such file"),
        (["finetune", "--objective", "bicco"], "--objective: unknown objective 'bicco'; did you mean 'bico'?"),
        (["finetune", "--set", "objective.bico_share=0.7"], "belongs to objective 'bico'"),
        (["finetune", "--data", "nope"], "nope: no such folder"),
        (["finetune", "--lora", "--set", "training.tuning=full"], "--lora and --set: 'training.tuning' is given twice"),
        (["finetune", "--eval-every", "0"], "--eval-every: training.eval_every is 0; expected at least 1"),
        (["pretrain", "--set", "training.eval_every=1"], "eval_every needs validation prompts; a corpus has none"),
        (["finetune", "--seeds", "0-2"], "--seeds: found '0-2'; expected whole numbers between commas, such as 0,1,2"),
        (["finetune", "--seeds", ""], "--seeds: found ''; expected whole numbers"),
        (["finetune", "--seeds", "1,1"], "two runs would share the folder"),
        (["finetune", "--seed", "1", "--seeds", "2"], "--seed and --seeds: 'seed' is given twice"),
        (["finetune", "--report-to", "x"], "--report-to: training.report_to is 'x'; expected 'none', 'tensorboard'"),
        (["pretrain", "--set", "training.report_to=wandb"], "only a fine-tuning is reported"),
        (["eval"], "results: holds no run"),
        (["eval", "nope"], "nope: no such folder"),
        (["eval", __file__], "test_cli.py: is a file; expected a run or a results folder"),
        (["report", __file__], "test_cli.py: is a file; expected a run or a results folder"),
        (["compare", __file__, "x"], "test_cli.py: is a file; expected a run or a results folder"),
        (["report", "--out", __file__], "test_cli.py: is a file; expected a folder; choose another --out"),
        (["run", "x.toml", "--out", __file__], "test_cli.py: is a file; expected a folder; choose another --out"),
        (["eval", "--limit", "0"], "'--limit'"),
        (["eval", "--device", "gpu"], "--device: device: 'gpu' is not a device; expected auto, cpu, cuda or mps"),
        (["finetune", "--device", "gpu", "--dry-run"], "--device: training.device: 'gpu' is not a device; expected"),
        (["eval", "--revision", "x"], "--revision: has no effect here: it belongs to --model"),
        (["eval", "x", "--model", "tiny-llama"], "name either runs or a model"),
        (["report"], "results: no such folder"),
        (["report", "--format", "xml"], "unknown format 'xml'"),
        (["run"], "Missing argument 'EXPERIMENT.toml'"),
        (["run", "nope.toml"], "nope.toml: no such file"),
        (["list", "extra"], "list: unknown kind 'extra'; expected one of (datasets, metrics, models, objectives, "),
        (["list", "model"], "use `reversal list model --options` or `reversal list models`"),
        (["list", "metric"], "list: unknown kind 'metric'; did you mean 'metrics'?"),
        (["list", "training"], "list: 'training' is a section of options; use `reversal list training --options`"),
        (["generate", "--check", "nope"], "nope: no such folder"),
        (["generate", "--check", "x", "--seed", "1"], "--seed: has no effect here"),
        (["generate", "--people", "3"], "--people: has no effect here"),
        (["generate", "--corpus", "--entities", "3"], "--entities: has no effect here"),
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
    assert capsys.readouterr().err.endswith(": 20 rows in 1 file\n")
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
    assert sorted(kinds) == ["datasets", "metrics", "models", "objectives", "objectives by model family", "transforms"]
    assert {"abi on rotary", "bico on glm"} <= kinds["objectives by model family"].keys()
    assert {"ntp", "bico", "none"} <= set(kinds["objectives"])
    assert {name for name, text in kinds["metrics"].items() if "lower is better" in text} == {
        "shortcut",
        "wrong_entity",
    }
    assert main(["list"]) == 0
    assert "tiny-llama" in capsys.readouterr().out


def test_list_of_one_kind_shows_it_alone(capsys):
    assert main(["list", "objectives", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert list(kinds) == ["objectives"]
    assert "bico" in kinds["objectives"]


def test_list_options_as_json_has_defaults_with_their_types(capsys):
    assert main(["list", "training", "--options", "--json"]) == 0
    defaults = {option["key"]: option["default"] for option in json.loads(capsys.readouterr().out)}
    assert defaults["training.epochs"] == 20
    assert defaults["training.tuning"] == "lora"
    assert defaults["training.gradient_checkpointing"] is False
    assert defaults["training.eval_every"] is None


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


@pytest.mark.parametrize("command", ["finetune", "run"])
def test_the_old_name_of_runs_is_read_with_one_note(command, capsys):
    Path("old.toml").write_text("[[rows]]\nseed = 3\n")
    assert main([command, "old.toml", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "seed-3" in out
    assert err == "note: old.toml: [[rows]] are called [[runs]] now; both are read\n"


def test_dry_run_shows_what_is_unset_as_comments_and_no_adapter_where_none_is_trained(capsys):
    assert main(["finetune", "--full", "--dry-run"]) == 0
    full = capsys.readouterr().out
    assert "\n# stop_after_epochs = ...  # unset\n" in full
    assert "\n# generator = ...  # unset\n" in full
    assert "lora" not in full
    assert main(["finetune", "--lora", "--dry-run"]) == 0
    assert "\n[training.lora]\nr = 32\n" in capsys.readouterr().out


def test_a_dry_run_of_several_runs_begins_with_their_number(capsys):
    Path("x.toml").write_text('[grid]\nobjective.name = ["ntp", "bico"]\n')
    assert main(["run", "x.toml", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("# 3 runs: 2 trainings, 1 untrained\n\n# results/x/untrained/seed-0 ")
    assert main(["run", "x.toml", "--dry-run", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert "--json: has no effect here: it belongs to --dry-run" in error(capsys, "run", "x.toml", "--json")


def test_the_dry_run_of_an_untrained_run_has_no_training_and_reads_back_the_same(capsys):
    assert main(["finetune", "--objective", "none", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "[training]" not in out
    Path("again.toml").write_text(out)
    assert main(["finetune", "again.toml", "--dry-run"]) == 0
    assert capsys.readouterr().out == out
    assert main(["finetune", "--objective", "none", "--device", "cpu", "--dry-run"]) == 0
    assert '\n[training]\ndevice = "cpu"\n' in capsys.readouterr().out


@pytest.mark.parametrize("command", ["finetune", "run"])
def test_seeds_give_one_run_each(command, capsys):
    Path("x.toml").write_text("baseline = false\n" if command == "run" else "")
    assert main([command, "x.toml", "--seeds", "0,2", "--dry-run"]) == 0
    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("# results")]
    assert [heading.split()[1] for heading in headings] == ["results/x/seed-0", "results/x/seed-2"]


def test_a_folder_in_the_place_of_an_experiment_file_is_taken_for_a_dataset(capsys):
    Path("small").mkdir()
    assert "small: found a folder; expected an experiment in TOML" in error(capsys, "finetune", "small")
    assert "pass `--data small`" in error(capsys, "finetune", "small")
    assert "pass `--set dataset.path=small`" in error(capsys, "run", "small")


@pytest.mark.parametrize("arguments", [["generate", "--check"], ["finetune", "--data"]], ids=" ".join)
def test_a_file_in_the_place_of_a_dataset_names_its_folder(arguments, capsys):
    Path("data").mkdir()
    Path("data/all_prompts_train.jsonl").write_text("")
    message = error(capsys, *arguments, "data/all_prompts_train.jsonl")
    assert message.endswith("is a file; expected the folder of a dataset; name the folder, such as data")


def test_check_of_a_folder_without_any_file_of_a_dataset_says_so(capsys):
    Path("other").mkdir()
    Path("other/notes.jsonl").write_text("")
    message = error(capsys, "generate", "--check", "other")
    assert "other: holds no dataset; expected all_prompts_train.jsonl, p2d_prompts_test.jsonl" in message


@pytest.mark.parametrize(("line", "completed"), [("reversal fine", "finetune"), ("reversal run --dry", "--dry-run")])
def test_a_shell_completes_commands_and_flags(line, completed):
    asked = {"_REVERSAL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    command = [sys.executable, "-m", "reversal_cli"]
    done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == completed


def test_the_options_of_a_spec_are_readable_in_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["list", "--options"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "training.epochs = 20" in lines
    assert "training.eval_every (unset)" in lines
    assert lines[lines.index("training.epochs = 20") + 1] == "    Epochs of the learning-rate schedule."
    assert max(map(len, lines)) <= 80
