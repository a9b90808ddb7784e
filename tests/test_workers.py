"""Several runs at a time: their processes, what they print, and what happens when one of them fails."""

import os
import signal
import threading
import time
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import pytest
import torch
import worker_jobs
from safetensors.torch import load_file

from reversal_cli.cli import main
from reversal_cli.console import Terminal
from reversal_cli.data.name_description import Options, generate
from reversal_cli.errors import ReversalError, WorkerError
from reversal_cli.run_clock import RunClock
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.workers import team
from reversal_cli.workers.job import Job, Resources
from reversal_cli.workers.process import ForwardingTerminal, Lines
from reversal_cli.workers.team import run_jobs


def run_two_at_a_time(*works, quiet: bool = False) -> None:
    """Runs the stand-ins `run 1`, `run 2` and so on in two workers."""
    jobs = [Job(work, Resources(f"run {number}")) for number, work in enumerate(works, 1)]
    run_jobs(jobs, 2, RunClock([job.name for job in jobs], workers=2), Terminal(quiet))


def noted(folder: Path) -> tuple[set[str], set[str]]:
    """The processes and the numbers of threads that `note_process` wrote."""
    processes, threads = zip(*(path.read_text().split() for path in folder.iterdir()), strict=True)
    return set(processes), set(threads)


def test_a_worker_makes_several_runs_with_its_share_of_the_cores(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(team, "cores", lambda: 7)
    run_two_at_a_time(*(partial(worker_jobs.note_process, tmp_path / str(index)) for index in range(5)))
    processes, threads = noted(tmp_path)
    assert len(list(tmp_path.iterdir())) == 5 and len(processes) <= 2 and str(os.getpid()) not in processes
    assert threads == {"3"}


def test_the_number_of_threads_in_the_environment_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(team, "cores", lambda: 8)
    run_two_at_a_time(*(partial(worker_jobs.note_process, tmp_path / str(index)) for index in range(2)))
    assert noted(tmp_path)[1] == {"1"}


def test_every_line_names_its_run_and_a_warning_comes_once(capsys):
    run_two_at_a_time(worker_jobs.train, worker_jobs.train)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sorted(printed.err.splitlines()) == [
        "run 1 of 2: run 1",
        "run 1: finetune tiny-llama bico: step 1/1 (100 %), loss 0.5",
        "run 1: results/x: done",
        "run 2 of 2: run 2",
        "run 2: finetune tiny-llama bico: step 1/1 (100 %), loss 0.5",
        "run 2: results/x: done",
        "warning: the cores are old",
        "warning: the warm-up is long",
    ]


def test_quiet_workers_print_nothing(capfd):
    run_two_at_a_time(worker_jobs.train, worker_jobs.train, quiet=True)
    assert "".join(capfd.readouterr()) == ""


def test_a_run_that_fails_does_not_stop_the_others_and_its_error_comes_last(tmp_path, capsys):
    note = partial(worker_jobs.note_process, tmp_path / "noted")
    with pytest.raises(ReversalError, match="results/x: No space left on device; expected a place to write"):
        run_two_at_a_time(partial(worker_jobs.fail, "no such data"), worker_jobs.fill_the_disk, note)
    lines = capsys.readouterr().err.splitlines()
    failed = {f"run {number}: failed; the other runs continue" for number in (1, 2)}
    assert failed & set(lines)  # whichever comes first; beside the last one none continues
    assert (tmp_path / "noted").is_file()


def test_a_killed_worker_is_replaced_and_its_run_named(tmp_path):
    works = [partial(worker_jobs.note_process, tmp_path / str(index)) for index in range(3)]
    with pytest.raises(WorkerError) as caught:
        run_two_at_a_time(worker_jobs.be_killed, *works)
    assert str(caught.value) == (
        "run 1: its worker was killed by signal 9 (out of memory?); expected the run to finish; run the same command "
        "again, with fewer --workers if memory is short: without --overwrite it continues from the last checkpoint"
    )
    assert len(list(tmp_path.iterdir())) == 3


def test_a_bug_in_a_worker_keeps_its_traceback(capsys):
    with pytest.raises(WorkerError, match="run 2: its worker ended with exit code 1; expected the run to finish"):
        run_two_at_a_time(worker_jobs.train, worker_jobs.crash)
    lines = capsys.readouterr().err.splitlines()
    assert "run 2: Traceback (most recent call last):" in lines and "run 2: RuntimeError: a bug" in lines


def test_a_worker_that_gets_sigterm_is_named_with_what_to_do():
    with pytest.raises(WorkerError) as caught:
        run_two_at_a_time(worker_jobs.train, worker_jobs.get_sigterm)
    assert str(caught.value) == (
        "run 2: its worker was interrupted by SIGTERM; expected the run to finish; run the same command again: "
        "without --overwrite it continues from the last checkpoint"
    )


def test_ctrl_c_interrupts_every_worker(tmp_path, capfd):
    paths = [tmp_path / "1", tmp_path / "2"]

    def interrupt() -> None:
        until = time.monotonic() + worker_jobs.NEVER
        while time.monotonic() < until and not all(path.is_file() and path.read_text() for path in paths):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_two_at_a_time(*(partial(worker_jobs.wait, path) for path in paths))
    thread.join()
    assert [path.read_text() for path in paths] == ["interrupted", "interrupted"]
    assert capfd.readouterr().err.splitlines() == ["run 1 of 2: run 1", "run 2 of 2: run 2"]


@pytest.fixture
def experiment(tmp_path, monkeypatch, llama_checkpoint):
    """The command of an experiment with two seeds of a small model, on one thread each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    generate(Options(entities=2, train_templates=2, test_templates=1), Path("data"))
    Path("x.toml").write_text(
        f'baseline = false\ndataset.path = "data"\nmodel.name = "{llama_checkpoint}"\n'
        "evaluation = {max_new_tokens = 3, likelihood = false}\n[grid]\nseed = [0, 1]\n[training]\n"
        'epochs = 3\nbatch_size = 8\ndevice = "cpu"\ndtype = "float32"\n'
    )
    return ["run", "x.toml", "--quiet"]


def results(folder: str) -> list[tuple]:
    """Weights and scores of the two runs."""
    runs = [RunDirectory(Path(folder, f"x/seed-{seed}")) for seed in (0, 1)]
    return [(load_file(next(run.path.rglob("*.safetensors"))), run.metrics.content()["subtasks"]) for run in runs]


def test_two_workers_one_killed_and_continued_end_with_the_weights_and_scores_of_one_after_another(
    experiment, monkeypatch, capsys
):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert main([*experiment, "--out", "one"]) == 0
    finally:
        torch.set_num_threads(threads)
    capsys.readouterr()
    monkeypatch.setattr("reversal_cli.pipeline._all_stages", worker_jobs.all_stages_killed_once)
    assert main([*experiment, "--workers", "2", "--out", "two"]) == 1
    assert capsys.readouterr().err.startswith("error: x seed 1: its worker was killed by signal 9")
    assert main([*experiment, "--workers", "2", "--out", "two"]) == 0
    undisturbed, continued = (RunDirectory(Path(f"two/x/seed-{seed}")).manifest.training for seed in (0, 1))
    assert (undisturbed.resumed, continued.resumed) == (False, True)
    for (weights, scores), (expected, expected_scores) in zip(results("two"), results("one"), strict=True):
        assert weights.keys() == expected.keys() and scores == expected_scores
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_mistake_in_the_last_run_stops_all_before_a_worker_starts(experiment, monkeypatch, capsys):
    monkeypatch.setattr(team, "Worker", None)
    text = Path("x.toml").read_text().replace('dataset.path = "data"\n', "")
    Path("x.toml").write_text(text.replace("seed = [0, 1]", 'dataset.path = ["data", "missing"]'))
    assert main([*experiment, "--workers", "2"]) == 2
    assert capsys.readouterr().err.startswith("error: missing: ") and not Path("results").exists()


def test_the_number_of_workers_is_at_least_one(experiment, capsys):
    assert main([*experiment, "--workers", "0"]) == 2
    assert "--workers" in capsys.readouterr().err


def test_a_base_model_is_made_by_one_process(experiment, capsys):
    Path("base.toml").write_text('kind = "pretrain"\n')
    assert main(["run", "base.toml", "--workers", "2"]) == 2
    assert "--workers: has no effect here" in capsys.readouterr().err


def test_what_a_library_prints_without_a_parent_to_read_it_is_dropped():
    ours, theirs = Pipe()
    ours.close()
    lines = Lines(ForwardingTerminal(theirs))
    assert lines.write("a warning at the end\n") == 21
