"""A dataset whose training rows give the tests away: stopped before anything slow, or gone on with and said."""

import json
from pathlib import Path

import pytest
from fake_stages import FakeStages, install

from reversal_cli.cli import main
from reversal_cli.data.audit.leaks import Leak, find_leaks
from reversal_cli.data.names_in_text import Files
from reversal_cli.report.frame import load_results
from reversal_cli.report.tables import accuracy_tables

FINETUNE = ["finetune", "--objective", "bico", "--data", "data", "--name", "x"]
RUN = Path("results/x/seed-0")
TRAIN = Path("data/all_prompts_train.jsonl")
COUNTS = "1 test prompts are trained, 1 training rows show a name-first entity with the description before the name"


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    return install(monkeypatch, tmp_path)


@pytest.fixture
def leaky(stages) -> FakeStages:
    """Training holds a prompt of N2D-reverse with its answer, in capitals: a tested prompt and a reversed fact."""
    row = json.loads(Path("data/p2d_reverse_prompts_test.jsonl").read_text().splitlines()[0])
    leak = {"prompt": row["prompt"].upper(), "completion": row["completion"] + "."}
    TRAIN.write_text(TRAIN.read_text() + json.dumps({**row, **leak}) + "\n")
    return stages


def errors(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> list[str]:
    """The lines on stderr of a command that ends with code 2."""
    capsys.readouterr()
    assert main(arguments) == 2
    return capsys.readouterr().err.splitlines()


def note(folder: str = "results") -> str:
    return accuracy_tables(load_results([Path(folder)]).frame)[0].note


def test_finetune_stops_before_anything_slow_with_counts_first_place_and_remedy(leaky, capsys):
    assert errors(capsys, FINETUNE) == [
        f"error: data: {COUNTS}; first p2d_reverse_prompts_test.jsonl:1, 1 of its prompts are also in "
        "all_prompts_train.jsonl, first line 17 of all_prompts_train.jsonl; expected no leak, or the scores measure "
        "recall; `reversal generate --check data` lists them: correct the files, or go on with --allow-leaks, which "
        "the tables will say"
    ]
    assert leaky.trained == []
    assert not RUN.exists()


def test_run_stops_before_its_first_row_where_the_dataset_of_a_later_one_leaks(leaky, capsys):
    Path("two.toml").write_text('[[runs]]\ndataset.path = "clean"\n[[runs]]\ndataset.path = "data"\n')
    assert main(["generate", "--entities", "2", "--out", "clean", "--quiet"]) == 0
    assert COUNTS in errors(capsys, ["run", "two.toml"])[-1]
    assert (leaky.trained, leaky.prompts) == ([], 0)


@pytest.mark.parametrize("command", [FINETUNE, ["run", "one.toml"]])
def test_allowed_leaks_are_in_the_manifest_and_under_every_table(leaky, capsys, command):
    Path("one.toml").write_text('[dataset]\npath = "data"\n')
    assert main([*command, "--allow-leaks"]) == 0
    assert f"warning: data: {COUNTS}" in capsys.readouterr().err
    assert main(["eval"]) == 0
    for manifest in Path("results").rglob("manifest.json"):
        leaks = json.loads(manifest.read_text())["dataset"]["leaks"]
        assert [(leak["where"], leak["count"]) for leak in leaks] == [
            ("p2d_reverse_prompts_test.jsonl:1", 1),
            ("all_prompts_train.jsonl:17", 1),
        ]
    assert f" Dataset leaks: {COUNTS}." in note()


def test_a_dataset_of_several_runs_is_read_once_and_warned_of_once(leaky, capsys, monkeypatch):
    found = []

    def find(files: Files) -> list[Leak]:
        found.append(files)
        return find_leaks(files)

    monkeypatch.setattr("reversal_cli.benchmark.find_leaks", find)
    Path("grid.toml").write_text("[dataset]\npath = 'data'\n[grid]\nseed = [0, 1, 2]\n")
    assert main(["finetune", "grid.toml", "--allow-leaks"]) == 0
    assert capsys.readouterr().err.count(f"warning: data: {COUNTS}") == 1
    assert (len(found), len(leaky.trained)) == (1, 3)


def test_leaks_are_no_part_of_the_experiment(leaky):
    assert main([*FINETUNE, "--allow-leaks"]) == 0
    manifest = json.loads((RUN / "manifest.json").read_text())
    assert "leaks" not in json.dumps(manifest["spec"])


def test_a_dataset_without_leaks_has_none_in_the_manifest_and_no_note(stages, capsys):
    assert main(FINETUNE) == 0
    assert main(["eval"]) == 0
    assert json.loads((RUN / "manifest.json").read_text())["dataset"]["leaks"] == []
    assert "leak" not in note()


def test_eval_finds_the_leaks_of_a_run_of_an_earlier_version(leaky, capsys):
    assert main([*FINETUNE, "--allow-leaks"]) == 0
    manifest = json.loads((RUN / "manifest.json").read_text())
    del manifest["dataset"]["leaks"]
    (RUN / "manifest.json").write_text(json.dumps(manifest))
    assert main(["eval"]) == 0
    assert f" Dataset leaks: {COUNTS}." in note()


def test_where_only_some_experiments_have_leaks_the_note_names_them(leaky, capsys):
    assert main([*FINETUNE, "--allow-leaks"]) == 0
    assert main(["eval"]) == 0
    TRAIN.write_text("".join(line + "\n" for line in TRAIN.read_text().splitlines()[:-1]))
    assert main([*FINETUNE[:-1], "clean"]) == 0
    assert main(["eval"]) == 0
    assert f" Dataset leaks (x): {COUNTS}." in note()


def test_a_bare_checkpoint_is_evaluated_whatever_its_dataset_leaks(leaky):
    assert main(["eval", "--model", "tiny-llama", "--data", "data"]) == 0
    assert f" Dataset leaks: {COUNTS}." in note()


def test_export_refuses_a_dataset_with_leaks(leaky, capsys):
    line = errors(capsys, ["export", "lm-eval", "tasks", "--data", "data"])[-1]
    assert line.startswith(f"error: data: {COUNTS}; first p2d_reverse_prompts_test.jsonl:1")
    assert line.endswith("correct the files, or export another dataset")
    assert not Path("tasks").exists()


def test_the_published_dataset_where_it_is_missing_is_said_to_be_copied(stages, capsys):
    line = errors(capsys, ["finetune", "--data", "data/june_version_7921032488"])[-1]
    assert "github.com/lukasberglund/reversal_curse" in line and "arXiv 2309.12288" in line
    assert "generate" not in line
