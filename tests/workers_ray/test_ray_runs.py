"""Experiments on a Ray cluster: they end as on one machine, whatever is killed on the way."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import worker_jobs
from safetensors.torch import load_file

from reversal_cli.cli import main
from reversal_cli.data.name_description import Options, generate
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.workers import ray_cluster
from reversal_cli.workers.ray_executor import Driver

DRIVER = """
import sys, worker_jobs, reversal_cli.pipeline
from reversal_cli.cli import main
reversal_cli.pipeline._all_stages = worker_jobs.all_stages_held_once
sys.exit(main(sys.argv[1:]))
"""
"""A command whose run with seed 0 stands still after its first checkpoint."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, llama_checkpoint) -> Path:
    """An experiment with two seeds of a small model, and its results on one thread of this process, in `local`."""
    folder = tmp_path_factory.mktemp("experiment")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        generate(Options(entities=2, train_templates=2, test_templates=1), Path("data"))
        Path("x.toml").write_text(
            f'baseline = false\ndataset.path = "data"\nmodel.name = "{llama_checkpoint}"\n'
            "evaluation = {max_new_tokens = 3, likelihood = false, controls = false}\n[resources]\ncpus = 1\n"
            '[grid]\nseed = [0, 1]\n[training]\nepochs = 2\nbatch_size = 8\ndevice = "cpu"\ndtype = "float32"\n'
        )
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        assert main(["run", "x.toml", "--quiet", "--out", "local"]) == 0
        torch.set_num_threads(threads)
    return folder


@pytest.fixture
def command(cluster, folder, monkeypatch) -> list[str]:
    monkeypatch.chdir(folder)
    return ["run", "x.toml", "--executor", "ray", "--address", cluster, "--out"]


def content(results: str) -> Any:
    """The table without times, and for each run its weights and scores."""
    runs = [RunDirectory(Path(results, f"x/seed-{seed}")) for seed in (0, 1)]
    weights = [{name: tensor.tolist() for name, tensor in load_file(weights_of(run)).items()} for run in runs]
    scores = [run.metrics.content()["subtasks"] for run in runs]
    with Path(results, "x/accuracy.csv").open() as file:
        table = [{**row, "wall_seconds": None} for row in csv.DictReader(file)]
    return table, weights, scores


def weights_of(run: RunDirectory) -> Path:
    (path,) = run.path.rglob("*.safetensors")
    return path


def resumed(results: str) -> list[bool]:
    runs = [RunDirectory(Path(results, f"x/seed-{seed}")) for seed in (0, 1)]
    return [training.resumed for run in runs if (training := run.manifest.training)]


def test_a_run_whose_worker_is_killed_continues_and_all_ends_as_on_one_machine(command, monkeypatch, capsys):
    monkeypatch.setattr("reversal_cli.pipeline._all_stages", worker_jobs.all_stages_killed_once)
    assert main([*command, "ray"]) == 0
    assert resumed("ray") == [False, True]
    assert content("ray") == content("local")
    printed = capsys.readouterr()
    assert printed.out.startswith("Accuracy (contains)")  # nothing of Ray's own
    lines = printed.err.splitlines()
    assert [line for line in lines if "retry" in line] == [
        line for line in lines if line.startswith("x seed 1: its worker on ") and line.endswith("retry 1/3")
    ]
    assert sum(line.startswith("x seed 1: is continued on ") for line in lines) == 1


def test_with_overwrite_a_retry_continues_what_the_command_has_begun(command, monkeypatch):
    shutil.copytree("local", "again")
    assert resumed("again") == [False, False]
    monkeypatch.setattr("reversal_cli.pipeline._all_stages", worker_jobs.all_stages_killed_once)
    assert main([*command, "again", "--quiet", "--overwrite"]) == 0
    assert resumed("again") == [False, True]


def test_after_ctrl_c_a_training_has_saved_and_its_task_is_cancelled(command, monkeypatch, capsys):
    monkeypatch.setattr("reversal_cli.pipeline._all_stages", worker_jobs.all_stages_slow)
    run = RunDirectory(Path("cancelled/x/seed-0"))
    over, looked = threading.Event(), threading.Event()
    stop = Driver._stop

    def stop_and_look(driver: Driver) -> None:
        stop(driver)
        (task,) = (task for task, number in driver.tasks.items() if number == 0)
        with pytest.raises(driver.ray.exceptions.TaskCancelledError):
            driver.ray.get(task, timeout=worker_jobs.NEVER)
        looked.set()

    def interrupt() -> None:
        while not over.wait(0.05):
            if any(run.checkpoints_path.glob("checkpoint-*")):
                os.kill(os.getpid(), signal.SIGINT)
                return

    monkeypatch.setattr(Driver, "_stop", stop_and_look)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        assert main([*command, "cancelled"]) == 130
    finally:
        over.set()
        thread.join()
    assert capsys.readouterr().err.splitlines()[-1].startswith("interrupted; what was finished is kept")
    assert looked.is_set()
    assert len(list(run.checkpoints_path.glob("checkpoint-*"))) == 2 and not run.is_trained


def test_after_the_driver_was_killed_the_same_command_continues(command, node_environment, capsys):
    environment = {**os.environ, **node_environment}
    process = subprocess.Popen([sys.executable, "-c", DRIVER, *command, "killed"], env=environment)
    done, held = RunDirectory(Path("killed/x/seed-1")), RunDirectory(Path("killed/x/seed-0"))
    until = time.monotonic() + 10 * worker_jobs.NEVER
    while time.monotonic() < until and not (done.is_complete and any(held.checkpoints_path.glob("checkpoint-*"))):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert not held.is_trained
    assert main([*command, "killed"]) == 0
    assert resumed("killed") == [True, False]
    assert content("killed") == content("local")
    assert f"x seed 1: {done.path}: already evaluated (--overwrite predicts again)" in capsys.readouterr().err


def test_a_run_that_no_node_can_hold_is_refused_before_the_dataset_is_read(command, capsys):
    assert main([*command, "none", "--set", "resources.cpus=2", "--set", "dataset.path=missing"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: x seed 0: needs 2 CPUs and 0 GPUs, and no node of the cluster has both;")


def test_folders_that_a_node_does_not_see_are_refused(command, monkeypatch, capsys):
    monkeypatch.setattr(ray_cluster, "sees", lambda folder, file: False)
    assert main([*command, "unseen"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --out unseen: ") and f"of the cluster does not see {Path.cwd()}/unseen" in line
    assert not list(Path("unseen").iterdir())
