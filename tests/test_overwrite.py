"""--overwrite: what was there stays until what replaces it is whole."""

from pathlib import Path

import pytest
from fake_stages import FakeStages, install
from raw_records import write_raw_predictions

from reversal_cli.cli import main
from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import read_json
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.records import Arithmetic

FINETUNE = ["finetune", "--objective", "bico", "--data", "data", "--name", "x", "--quiet"]
EVAL_AGAIN = ["eval", "results/x/seed-0", "--overwrite", "--quiet"]
RUN = RunDirectory(Path("results/x/seed-0"))
REFUSAL = ReversalError(
    "--device (training.device): 'cuda' cannot be used here: PyTorch finds no GPU; pass auto or cpu"
)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    """A trained and evaluated run of fakes in `results/x/seed-0`."""
    fakes = install(monkeypatch, tmp_path)
    assert main(FINETUNE) == main(["eval", "--quiet"]) == 0
    return fakes


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_an_evaluation_that_cannot_load_its_model_leaves_the_one_before(stages, capsys):
    before = contents(RUN.path)
    stages.fail_loading_with = REFUSAL
    assert main(EVAL_AGAIN) == 2
    assert capsys.readouterr().err == f"error: {REFUSAL}\n"
    assert contents(RUN.path) == before


def test_each_of_several_refused_runs_is_one_line(stages, capsys):
    assert main([*FINETUNE, "--set", "seed=1"]) == 0
    stages.fail_loading_with = ReversalError("a model:\nbroken " + 3000 * "x")
    assert main(["eval", "results", "--overwrite", "--quiet"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert first.startswith("error: a model: broken xxx") and len(first) < 2100


def test_an_interrupted_evaluation_leaves_the_one_before_and_continues(stages):
    before, prompts = contents(RUN.path), stages.prompts
    stages.interrupt_generation_at = prompts + 5
    assert main(EVAL_AGAIN) == 130
    after = contents(RUN.path)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith(".overwrite/") for name in after.keys() - before.keys())

    assert main(["eval", str(RUN.path), "--quiet"]) == 0  # complete still: nothing is done
    assert contents(RUN.path) == after
    stages.interrupt_generation_at = None
    assert main(EVAL_AGAIN) == 0
    assert stages.prompts == 2 * prompts
    assert contents(RUN.path) == before


def test_the_manifest_says_the_arithmetic_of_the_evaluation_that_counts(stages, monkeypatch):
    other = Arithmetic(dtype="bfloat16", device="cuda")
    before = RUN.manifest.evaluation
    monkeypatch.setattr("reversal_cli.models.precision.arithmetic", lambda dtype, device: other)
    stages.interrupt_generation_at = stages.prompts + 5
    assert main(EVAL_AGAIN) == 130
    assert RUN.manifest.evaluation == before
    stages.interrupt_generation_at = None
    assert main(EVAL_AGAIN) == 0
    assert RUN.manifest.evaluation == other


def test_a_new_evaluation_takes_the_place_of_the_one_before(stages):
    write_json(RUN.metrics_path, {"old": True})
    write_raw_predictions(RUN, "N2D", [{"old": True}])
    write_raw_predictions(RUN, "gone", [{"old": True}])
    assert main(EVAL_AGAIN) == 0
    assert read_json(RUN.metrics_path)["complete"] is True
    assert RUN.read_predictions("N2D")[0].id == "N2D/0"
    assert not RUN.predictions_path("gone").exists()
    assert not RUN.overwriting.evaluation_path.exists()


@pytest.mark.parametrize("moves", [0, 1])
def test_a_replacement_that_was_cut_off_is_completed_by_the_next_evaluation(stages, monkeypatch, moves):
    before, prompts = contents(RUN.path), stages.prompts
    replace, left = Path.replace, [moves]

    def cut_off(self: Path, target: Path) -> Path:
        if ".overwrite" in self.parts and ".overwrite" not in target.parts:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_off)
        assert main(EVAL_AGAIN) == 130
    assert not RUN.is_complete
    assert main(["eval", "--quiet"]) == 0
    assert contents(RUN.path) == before
    assert stages.prompts == 2 * prompts


def test_a_training_that_is_refused_leaves_the_run_before(stages, capsys):
    before = contents(RUN.path)
    stages.fail_training_with = REFUSAL
    assert main([*FINETUNE, "--epochs", "20", "--overwrite"]) == 2
    assert contents(RUN.path) == before
    stages.fail_training_with = None
    assert main([*FINETUNE, "--epochs", "20", "--overwrite"]) == 0
    assert RUN.manifest.spec.training.epochs == 20
    assert not RUN.is_complete


@pytest.mark.parametrize("content", ["{", '{"training": {}, "spec": 3}'], ids=["broken JSON", "wrong type"])
@pytest.mark.parametrize("objective", ["bico", "none"])
def test_a_run_with_a_broken_manifest_can_be_made_again(stages, capsys, content, objective):
    finetune = [*FINETUNE, "--objective", objective]
    assert main([*finetune, "--overwrite"]) == main(["eval", "--quiet"]) == 0
    RUN.manifest_path.write_text(content)
    assert main(finetune) == 2
    assert "restore it, or make the run again with --overwrite" in capsys.readouterr().err
    assert main([*finetune, "--overwrite"]) == 0
    assert RUN.manifest.spec.objective.name == objective
    assert not RUN.is_complete


def test_an_untrained_run_whose_checkpoint_is_refused_stays(stages, monkeypatch):
    untrained = ["finetune", "--objective", "none", "--data", "data", "--name", "base", "--quiet"]
    assert main(untrained) == main(["eval", "--quiet"]) == 0
    before = contents(Path("results/base"))
    silenced = []
    monkeypatch.setattr(Terminal, "silence_libraries", lambda self: silenced.append(len(stages.loaded)))
    stages.fail_loading_with = REFUSAL
    loaded = len(stages.loaded)
    assert main([*untrained, "--overwrite"]) == 2
    assert contents(Path("results/base")) == before
    assert silenced == [loaded]  # before the checkpoint is loaded
    stages.fail_loading_with = None
    assert main([*untrained, "--overwrite"]) == 0
    assert list(contents(Path("results/base"))) == ["seed-0/manifest.json"]


def test_training_anew_drops_an_evaluation_that_was_interrupted(stages):
    stages.interrupt_generation_at = stages.prompts + 5
    assert main(EVAL_AGAIN) == 130
    assert main([*FINETUNE, "--overwrite"]) == 0
    assert not RUN.overwriting.evaluation_path.exists()


def test_a_base_that_cannot_be_loaded_leaves_the_run_before(tmp_path, monkeypatch):
    """With nothing replaced: the first thing that training does is what may be refused."""
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--entities", "2", "--train-templates", "2", "--out", "data", "--quiet"]) == 0
    write_json(RUN.manifest_path, {"training": {}})
    RUN.model_path.mkdir()
    (RUN.model_path / "model.safetensors").write_text("precious")
    before = contents(RUN.path)
    for refused in (["--device", "nowhere"], ["--model", str(tmp_path)], ["--set", "training.max_length=2"]):
        assert main([*FINETUNE, *refused, "--overwrite"]) == 2
        assert contents(RUN.path) == before
