"""A disk that fills up or may not be written to, and files that were cut: one line, exit code 2, nothing half written;
and once there is room, the same command ends with the files of an undisturbed one."""

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch
from forked import contents, differences
from safetensors import SafetensorError

from reversal_cli.cli import main
from reversal_cli.files.writing import json_lines
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.training.resumption import find_checkpoint

ROOM = "expected a place to write with room left; what was finished is kept"
FINETUNE = ["finetune", "x.toml", "--quiet"]
EVAL = ["eval", "results/x/seed-0", "--quiet"]
REPORT = ["report", "results", "--out", "tables", "--html", "--quiet"]
RUN = Path("results/x/seed-0")


def full(path: object) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, llama_checkpoint):
    """The folder before and after an undisturbed finetune, eval and report."""
    before = tmp_path_factory.mktemp("before")
    (before / "x.toml").write_text(
        f'baseline = false\ndataset.path = "data"\nmodel.name = "{llama_checkpoint}"\n'
        "evaluation = {max_new_tokens = 3, batch_size = 2}\n[training]\nepochs = 2\nbatch_size = 8\n"
        'save_every_steps = 2\neval_every = 1\neval_limit = 2\ndevice = "cpu"\ndtype = "float32"\n'
        'tuning = "full"\nwarmup_steps = 0\n'
    )
    small = ["--entities", "3", "--train-templates", "2", "--test-templates", "1", "--validation-templates", "1"]
    here = Path.cwd()
    try:
        os.chdir(before)
        assert main(["generate", *small, "--out", "data", "--quiet"]) == 0
        after = Path(shutil.copytree(before, tmp_path_factory.mktemp("finished") / "after"))
        os.chdir(after)
        assert main(FINETUNE) == main(EVAL) == main(REPORT) == 0
    finally:
        os.chdir(here)
    return before, after


@pytest.fixture
def begun(finished, tmp_path, monkeypatch):
    """The current folder: data and experiment, nothing trained."""
    shutil.copytree(finished[0], tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def done(finished, tmp_path, monkeypatch):
    """The current folder: everything trained, evaluated and reported."""
    shutil.copytree(finished[1], tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


def error(capsys, arguments: list[str]) -> str:
    """The one line of a command that fails."""
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err.removeprefix("error: ").strip()


def hidden(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).rglob(".*") if path.name != ".lock")


def finish(finished, *commands: list[str]) -> None:
    """Runs the commands without faults; then the files of the results are those of the undisturbed ones."""
    for command in commands:
        assert main(command) == 0
    assert differences(contents(Path("results")), contents(finished[1] / "results")) == []


def fill_in_checkpoint(monkeypatch) -> None:
    write = torch.save

    def save(content, path, *rest) -> None:
        if "checkpoint-3" not in str(path):
            return write(content, path, *rest)
        Path(path).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 2503680 vs 2503568")

    monkeypatch.setattr(torch, "save", save)


def fill_in_log(monkeypatch) -> None:
    def append(run, record) -> None:
        with run.train_log_path.open("a") as file:
            file.write('{"step": ')
        raise full(run.train_log_path)

    monkeypatch.setattr(RunDirectory, "append_log", append)


def fill_in_weights(monkeypatch) -> None:
    def save(model, loaded, folder: Path, weights) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("reversal_cli.training.finetune.save", save)


@pytest.mark.parametrize(
    ("fill", "why", "step"),
    [
        (fill_in_checkpoint, "Input/output error", 2),  # torch does not say more
        (fill_in_log, "No space left on device", 0),
        (fill_in_weights, "No space left on device", 6),
    ],
    ids=["checkpoint", "log", "weights"],
)
def test_a_disk_that_is_full_in_training(begun, finished, monkeypatch, capsys, fill, why, step):
    with monkeypatch.context() as patch:
        fill(patch)
        message = error(capsys, FINETUNE)
    assert message.startswith(str(RUN)) and f": {why}; " in message
    found = find_checkpoint(RUN / "checkpoints")
    assert found.step == step and found.faults == () and hidden("results") == []
    assert not (RUN / "model").exists()
    finish(finished, FINETUNE, EVAL)


def test_a_disk_that_is_full_in_evaluation(begun, finished, monkeypatch, capsys):
    assert main(FINETUNE) == 0

    def append(run, subtask, predictions) -> None:
        with run.predictions_path(subtask).open("a") as file:
            file.write(json_lines(prediction.content() for prediction in predictions)[:-20])
        raise full(run.predictions_path(subtask))

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "append_predictions", append)
        message = error(capsys, EVAL)
    assert message == f"{RUN}/predictions/N2D.jsonl: No space left on device; {ROOM}"
    assert not (RUN / "metrics.json").exists() and hidden("results") == []
    finish(finished, EVAL)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize(
    ("command", "lost"), [(EVAL, "metrics.json"), (REPORT, "accuracy.md")], ids=["metrics", "report"]
)
def test_a_text_file_that_cannot_be_written_is_not_there(done, finished, monkeypatch, capsys, number, command, lost):
    path = next(Path().rglob(lost))
    path.unlink()
    write = Path.write_text

    def refuse(self: Path, text: str, **options) -> int:
        if lost not in self.name:
            return write(self, text, **options)
        write(self, text[:10], **options)
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        assert error(capsys, command) == f"{path}: {os.strerror(number)}; {ROOM}"
    assert not path.exists() and hidden(".") == []
    finish(finished, command)
    assert differences(contents(Path("tables")), contents(finished[1] / "tables")) == []


@pytest.mark.parametrize("command", [FINETUNE, EVAL], ids=["finetune", "eval"])
def test_results_that_may_not_be_written_to_are_one_line_and_as_they_were(done, finished, monkeypatch, capsys, command):
    def refuse(path, flags, *rest, **options):
        if flags & os.O_WRONLY or flags & os.O_RDWR:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *rest, **options)

    real = os.open
    (RUN / "metrics.json").rename("kept")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        message = error(capsys, command)
    assert message.startswith(
        f"{RUN}: cannot be written to (Read-only file system); expected a folder that you may write"
    )
    Path("kept").rename(RUN / "metrics.json")
    finish(finished)


def test_a_dataset_that_is_gone_after_the_training_is_one_line(begun, finished, capsys):
    assert main(FINETUNE) == 0
    shutil.move("data", "gone")
    assert error(capsys, EVAL).startswith("data: no such folder")
    shutil.copytree("gone", "data")
    (Path("data") / "d2p_prompts_test.jsonl").unlink()
    assert "d2p_prompts_test.jsonl" in error(capsys, EVAL)
    assert not (RUN / "metrics.json").exists() and not (RUN / "predictions").exists()
    shutil.rmtree("data")
    shutil.move("gone", "data")
    finish(finished, EVAL)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_file_of_the_trained_model_that_was_cut_is_one_line(done, finished, capsys, name):
    path = RUN / "model" / name
    whole, metrics = path.read_bytes(), (RUN / "metrics.json").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    message = error(capsys, [*EVAL, "--overwrite"])
    assert str(RUN) in message and ("model/model.safetensors" in message or "cannot be loaded" in message)
    assert (RUN / "metrics.json").read_bytes() == metrics
    path.write_bytes(whole)
    finish(finished, [*EVAL, "--overwrite"])


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_file_of_the_base_that_was_cut_is_one_line_and_no_run(begun, finished, llama_checkpoint, capsys, name):
    base = Path(shutil.copytree(llama_checkpoint, "base"))
    content = (base / name).read_bytes()
    (base / name).write_bytes(content[: len(content) // 2])
    message = error(capsys, ["finetune", "x.toml", "--model", "base", "--quiet"])
    assert message.startswith("model 'base': cannot be loaded (")
    assert list(Path("results").rglob("*.safetensors")) == [] and hidden("results") == []
