"""The stages together: what is done once, what is refused, what an interruption leaves."""

import errno
import json
from pathlib import Path

import pytest
from fake_stages import FACTS, FakeStages, install
from safetensors import SafetensorError

from reversal_cli.cli import main
from reversal_cli.runs.directory import RunDirectory

EXPERIMENT = """
[dataset]
path = "data"

[grid]
objective.name = ["ntp", "bico"]
seed = [0, 1]
"""
FINETUNE = ["finetune", "--objective", "bico", "--data", "data", "--name", "x"]
RUN = Path("results/x/seed-0")


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeStages:
    Path(tmp_path / "quick.toml").write_text(EXPERIMENT)
    return install(monkeypatch, tmp_path)


def error(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int = 2) -> str:
    """The last line on stderr of a command that fails."""
    capsys.readouterr()
    assert main(arguments) == code
    return capsys.readouterr().err.splitlines()[-1]


def test_run_does_all_stages_of_every_point_and_one_baseline(stages, capsys):
    assert main(["run", "quick.toml"]) == 0
    names = [(spec.name, spec.seed) for spec in stages.trained]
    assert names == [("quick/ntp", 0), ("quick/ntp", 1), ("quick/bico", 0), ("quick/bico", 1)]
    assert len(stages.loaded) == 5
    metrics = sorted(str(path.parent) for path in Path("results").rglob("metrics.json"))
    assert metrics[-1] == "results/quick/untrained/seed-0"
    assert "N2D-reverse" in capsys.readouterr().out
    assert Path("results/quick/accuracy.md").is_file()
    assert Path("results/quick/accuracy.csv").is_file()


def test_run_again_does_nothing_again_and_shows_the_table(stages, capsys):
    assert main(["run", "quick.toml"]) == 0
    first = capsys.readouterr().out
    trained, prompts = len(stages.trained), stages.prompts
    assert main(["run", "quick.toml"]) == 0
    assert (len(stages.trained), stages.prompts) == (trained, prompts)
    assert capsys.readouterr().out == first


def test_a_requirement_that_fails_ends_a_run_with_code_1_and_its_name(stages, capsys):
    arguments = ["run", "quick.toml", "--require", "bico: N2D-reverse >= 60", "--require", "ntp: N2D-reverse <= 3"]
    message = error(capsys, arguments, code=1)
    assert "ntp: N2D-reverse <= 3" in message


def test_a_malformed_requirement_is_told_before_any_training(stages, capsys):
    assert "--require" in error(capsys, ["run", "quick.toml", "--require", "bico"])
    assert stages.trained == []


def test_a_name_that_no_run_has_in_a_requirement_is_told_before_any_training(stages, capsys):
    message = error(capsys, ["run", "quick.toml", "--require", "abi: N2D >= 60"])
    assert "no run to be made has the objective, experiment or model 'abi'; expected one of bico, " in message
    assert stages.trained == []


@pytest.mark.parametrize(
    "second", ["training.device = 'cuda:7'", "training.device = 'cpu'\ntraining.dtype = 'float16'"]
)
@pytest.mark.parametrize("command", ["run", "finetune"])
def test_a_device_or_precision_that_is_not_here_is_told_before_any_training(stages, capsys, command, second):
    Path("x.toml").write_text(f"dataset.path = 'data'\n[[runs]]\n[[runs]]\nname = 'second'\n{second}\n")
    assert "training.d" in error(capsys, [command, "x.toml"])
    assert stages.trained == []


def test_the_device_of_a_run_that_is_trained_is_not_looked_at(stages, capsys):
    assert main(FINETUNE) == 0
    content = json.loads((RunDirectory(RUN).manifest_path).read_text())
    content["spec"]["training"]["device"] = "cuda:7"
    RunDirectory(RUN).manifest_path.write_text(json.dumps(content))
    assert main([*FINETUNE, "--device", "cuda:7"]) == 0
    assert "cannot be used" in error(capsys, [*FINETUNE, "--device", "cuda:7", "--overwrite"])
    wanted = "dataset.path = 'data'\ntraining.device = 'cpu'\nevaluation.dtype = 'float16'\n"
    Path("y.toml").write_text(wanted)
    assert "float16 on a CPU" in error(capsys, ["finetune", "y.toml"])
    assert len(stages.trained) == 1


def test_items_that_a_dataset_does_not_tell_are_told_before_any_training(stages, capsys):
    path = Path("data/all_prompts_train.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({key: row[key] for key in ("prompt", "completion")}) + "\n" for row in rows))
    (path.parent / "dataset.json").unlink()
    second = "[[runs]]\nname = 'second'\nobjective.protect = 'description'\n"
    Path("x.toml").write_text(f"objective.name = 'bico'\ndataset.path = 'data'\n[[runs]]\n{second}")
    assert "expected a dataset that says what they are" in error(capsys, ["run", "x.toml", "--allow-leaks"])
    assert stages.trained == []


def test_an_unknown_name_in_a_requirement_is_told_before_any_training(stages, capsys):
    message = error(capsys, ["run", "quick.toml", "--require", "bcio: N2D >= 60"])
    assert "unknown objective, experiment or model 'bcio'; did you mean 'bico'?" in message
    assert stages.trained == []


def test_run_says_its_total_time_and_the_same_warning_once(stages, capsys):
    arguments = ["run", "quick.toml", "--set", "training.warmup_steps=5000"]
    assert main(arguments) == 0
    shown = capsys.readouterr().err
    assert "all 5 runs in 0:0" in shown
    warnings = [line for line in shown.splitlines() if line.startswith("warning: training.warmup_steps is 5000")]
    assert len(warnings) == len(set(warnings)) == 2  # not 4: ntp and bico end after other steps, their seeds do not
    assert main(arguments) == 0
    assert "all 5 runs in" not in capsys.readouterr().err


def test_finetune_then_bare_eval_then_report(stages, capsys):
    assert main(FINETUNE) == 0
    assert main(["eval"]) == 0
    assert "N2D-reverse 100.0" in capsys.readouterr().out
    assert main(["report", "--format", "csv", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("experiment,model,objective")


def test_the_manifest_tells_spec_data_provenance_and_training(stages):
    assert main(FINETUNE) == 0
    manifest = json.loads((RUN / "manifest.json").read_text())
    assert sorted(manifest) == ["dataset", "digest", "model", "provenance", "spec", "training", "version"]
    assert manifest["dataset"]["path"] == "data"
    assert "all_prompts_train.jsonl" in manifest["dataset"]["sha256"]
    assert manifest["training"].items() >= FACTS.content().items()
    assert manifest["spec"]["objective"]["name"] == "bico"


def test_a_finished_run_is_not_trained_again(stages, capsys):
    assert main(FINETUNE) == main(FINETUNE) == 0
    assert len(stages.trained) == 1
    assert "already complete" in capsys.readouterr().err


def test_another_spec_in_the_same_folder_is_refused_with_what_differs(stages, capsys):
    assert main(FINETUNE) == 0
    message = error(capsys, [*FINETUNE, "--epochs", "20"])
    assert message == (
        "error: results/x/seed-0: trained with a different spec (training.epochs 14 -> 20); "
        "rename the experiment or pass --overwrite"
    )
    assert main([*FINETUNE, "--epochs", "20", "--overwrite"]) == 0
    assert [spec.training.epochs for spec in stages.trained] == [14, 20]


def test_a_spec_that_differs_in_its_evaluation_alone_names_the_eval_that_adds_it(stages, capsys):
    without = ["--set", "evaluation.likelihood=false", "--set", "evaluation.controls=false"]
    assert main(["run", "quick.toml", *without]) == 0
    message = error(capsys, ["run", "quick.toml", *without[2:]])
    assert "finished with other options of the evaluation (evaluation.likelihood False -> True)" in message
    assert message.endswith("untrained/seed-0 --likelihood`")
    assert "--overwrite" not in message
    assert "--controls --likelihood`" in error(capsys, ["run", "quick.toml"])
    assert "pass --overwrite" in error(capsys, ["run", "quick.toml", "--set", "evaluation.max_new_tokens=3"])


def test_another_device_is_the_same_experiment(stages):
    assert main(FINETUNE) == main([*FINETUNE, "--device", "cpu"]) == 0
    assert len(stages.trained) == 1


def test_changed_data_is_refused_when_training_and_when_evaluating(stages, capsys):
    assert main(FINETUNE) == 0
    path = Path("data/all_prompts_train.jsonl")
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    for arguments in (FINETUNE, ["eval", str(RUN)]):
        assert "results/x/seed-0: made with other data: all_prompts_train.jsonl" in error(capsys, arguments)


def test_an_interrupted_training_exits_130_in_one_line_and_continues(stages, capsys):
    stages.interrupt_training_at = 2
    message = error(capsys, FINETUNE, code=130)
    assert message == (
        "interrupted; what was finished is kept, run the same command again to continue; with --overwrite a training "
        "begins anew"
    )
    assert RunDirectory(RUN).manifest.training is None
    stages.interrupt_training_at = None
    assert main(FINETUNE) == 0
    assert "was interrupted" in capsys.readouterr().err
    assert RunDirectory(RUN).is_trained


def test_the_end_of_a_file_is_no_interruption(stages):
    stages.fail_training_with = EOFError("Ran out of input")
    with pytest.raises(EOFError, match="Ran out of input"):
        main(FINETUNE)


def test_checkpoints_left_by_an_interruption_at_the_very_end_are_removed(stages):
    assert main(FINETUNE) == 0
    checkpoints = RunDirectory(RUN).checkpoints_path
    (checkpoints / "checkpoint-3").mkdir(parents=True)
    assert main(FINETUNE) == 0 and len(stages.trained) == 1
    assert not checkpoints.exists()


def test_the_manifest_is_written_before_the_checkpoints_are_removed(stages, monkeypatch):
    trained = []
    monkeypatch.setattr(RunDirectory, "remove_checkpoints", lambda run: trained.append(run.is_trained))
    assert main(FINETUNE) == 0
    assert trained[-1]


def test_weights_without_a_manifest_are_never_removed_silently(stages, capsys):
    assert main(FINETUNE) == 0
    (RUN / "manifest.json").unlink()
    kept = sorted(path.name for path in (RUN / "model").iterdir())
    assert "holds the files of a run but no manifest.json" in error(capsys, FINETUNE)
    assert sorted(path.name for path in (RUN / "model").iterdir()) == kept


def test_several_processes_without_a_launcher_are_refused_before_they_wait_for_each_other(stages, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "RANK: is not set beside WORLD_SIZE=2; expected both" in error(capsys, FINETUNE)


def test_an_interrupted_training_of_another_spec_is_refused(stages, capsys):
    stages.interrupt_training_at = 2
    main(FINETUNE)
    assert "begun with a different spec" in error(capsys, [*FINETUNE, "--epochs", "20"])


def test_a_run_that_failed_before_its_first_step_may_be_begun_with_another_spec(stages, capsys):
    stages.fail_training_with = OSError(errno.ENOSPC, "No space left on device", "results/x")
    assert error(capsys, FINETUNE).startswith("error: results/x: No space left on device")
    stages.fail_training_with = None
    assert main([*FINETUNE, "--epochs", "20"]) == 0


@pytest.mark.parametrize(
    "failure",
    [
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 2503680 vs 2503568"),
    ],
    ids=["safetensors", "torch"],
)
def test_a_disk_that_fills_up_in_training_is_one_line_whoever_meets_it(stages, capsys, failure):
    stages.fail_training_with = failure
    assert error(capsys, FINETUNE).startswith("error: results/x/seed-0: ")


def test_another_failure_in_training_keeps_its_traceback(stages):
    stages.fail_training_with = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        main(FINETUNE)


def test_an_interrupted_evaluation_continues_where_it_was(stages, capsys):
    assert main(FINETUNE) == 0
    stages.interrupt_generation_at = 5
    assert error(capsys, ["eval"], code=130).startswith("interrupted")
    assert not RunDirectory(RUN).is_complete
    stages.interrupt_generation_at = None
    assert main(["eval"]) == 0
    assert stages.prompts == sum(1 for path in (RUN / "predictions").rglob("*.jsonl") for _ in path.open())


def test_eval_of_a_run_that_is_not_trained_is_refused(stages, capsys):
    stages.interrupt_training_at = 2
    main(FINETUNE)
    assert "its training is not complete" in error(capsys, ["eval", str(RUN)])


def test_a_limited_evaluation_leaves_the_run_unfinished(stages, capsys):
    assert main(FINETUNE) == 0
    assert main(["eval", "--limit", "1", "--subtask", "D2N"]) == 0
    assert "D2N 100.0 percent (contains; partial, metrics.json not written)" in capsys.readouterr().out
    assert stages.prompts == 1
    assert not RunDirectory(RUN).is_complete


def test_eval_of_a_bare_checkpoint_makes_an_untrained_run(stages):
    assert main(["eval", "--model", "tiny-llama", "--data", "data"]) == 0
    run = RunDirectory(Path("results/tiny-llama-untrained/seed-0"))
    assert run.is_complete
    assert run.manifest.model == {"name": "tiny-llama"}


def test_an_unknown_subtask_leaves_no_untrained_run(stages, capsys):
    assert "did you mean 'N2D'?" in error(
        capsys, ["eval", "--model", "tiny-llama", "--data", "data", "--subtask", "N2d"]
    )
    assert not Path("results").exists()


def test_eval_with_overwrite_predicts_again(stages):
    assert main(FINETUNE) == main(["eval"]) == 0
    before = stages.prompts
    assert main(["eval", str(RUN)]) == 0
    assert stages.prompts == before
    assert main(["eval", str(RUN), "--overwrite"]) == 0
    assert stages.prompts == 2 * before


def test_two_processes_in_one_run_directory_are_refused(stages, capsys):
    with RunDirectory(RUN).lock():
        assert "another process" in error(capsys, FINETUNE)


def test_the_default_dataset_is_generated_when_absent_and_this_is_said(stages, capsys):
    assert main(["finetune", "--name", "x", "--set", "dataset.generator={entities = 2, train_templates = 2}"]) == 0
    assert "results/data/name_description: was absent, generated it" in capsys.readouterr().err


def test_a_mistyped_dataset_is_not_generated(stages, capsys):
    assert error(capsys, ["finetune", "--data", "dta"]).startswith("error: dta: no such folder")
    assert not Path("dta").exists()


def test_a_dataset_made_with_other_options_is_refused(stages, capsys):
    message = error(capsys, [*FINETUNE, "--set", "dataset.generator.entities=3"])
    assert message.startswith("error: data: made with other options (entities 2, ")


OLD_CARD = ("entities", "train_templates", "test_templates", "seed", "name_words")


def make_older(folder: Path) -> None:
    """The folder as the version before validation templates wrote it."""
    card = json.loads((folder / "dataset.json").read_text())
    for path in folder.glob("*_prompts_validation.jsonl"):
        path.unlink()
        del card["sha256"][path.name], card["counts"][path.name]
    card["options"] = {key: card["options"][key] for key in OLD_CARD}
    (folder / "dataset.json").write_text(json.dumps(card))


def test_a_folder_of_an_older_version_serves_every_run_but_an_evaluation_along_training(stages, capsys):
    make_older(Path("data"))
    options = "dataset.generator={entities = 2, train_templates = 2, test_templates = 1}"
    assert main(FINETUNE) == main([*FINETUNE, "--name", "y", "--set", options]) == 0
    message = error(capsys, [*FINETUNE, "--name", "z", "--eval-every", "2"])
    assert message == (
        "error: data: has no validation prompts; expected p2d_prompts_validation.jsonl and three more, since "
        "training.eval_every does not use the test prompts; generate it again: "
        "`reversal generate --entities 2 --train-templates 2 --test-templates 1 --out data --overwrite`"
    )
    assert not Path("results/z").exists()
    assert main(message.split("`")[1].split()[1:]) == 0
    assert main([*FINETUNE, "--name", "z", "--eval-every", "2"]) == 0
    assert main(["eval"]) == 0  # the new files do not make it other data


def test_a_dataset_that_is_not_ours_has_no_templates_to_hold_out(stages, capsys):
    make_older(Path("data"))
    Path("data/dataset.json").unlink()
    message = error(capsys, [*FINETUNE, "--eval-every", "2"])
    assert "has no validation prompts" in message and "leave out training.eval_every" in message
    assert "has no effect here" in error(capsys, [*FINETUNE, "--objective", "none", "--set", "training.eval_every=2"])


def test_another_curve_is_the_same_experiment(stages):
    assert main(FINETUNE) == main([*FINETUNE, "--eval-every", "2", "--set", "training.eval_limit=7"]) == 0
    assert len(stages.trained) == 1


def test_quiet_prints_nothing(stages, capsys):
    assert main([*FINETUNE, "--quiet"]) == main(["eval", "--quiet"]) == main(["report", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_json_is_all_there_is_on_stdout(stages, capsys):
    assert main([*FINETUNE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run"] == "results/x/seed-0"
    assert main(["eval", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["complete"] is True


def test_results_below_a_file_are_one_line(stages, capsys):
    Path("file").write_text("")
    assert error(capsys, [*FINETUNE, "--out", "file"]).startswith("error: file")


def test_a_warm_up_longer_than_the_training_is_a_warning(stages, capsys):
    assert main([*FINETUNE, "--epochs", "1"]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "training.warmup_steps is 100, but the training ends after step 1," in warnings[0]
    assert main([*FINETUNE, "--name", "y", "--epochs", "1", "--set", "training.warmup_steps=1"]) == 0
    assert "warning" not in capsys.readouterr().err
