"""Stand-ins for runs on a Ray cluster: what they print, and what happens when one fails or its worker is lost."""

import io
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import worker_jobs
from rich.console import Console

from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError, WorkerError
from reversal_cli.run_clock import RunClock
from reversal_cli.workers import ray_executor
from reversal_cli.workers.demands import Demand
from reversal_cli.workers.job import Job, Resources
from reversal_cli.workers.ray_cluster import connected
from reversal_cli.workers.ray_executor import Driver, RayExecutor
from reversal_cli.workers.ray_task import Message

HEADING = "Ray: nodes 2, CPUs 2, GPUs 0; runs at a time: 2"


@pytest.fixture(scope="module")
def executor(cluster, tmp_path_factory) -> Iterator[RayExecutor]:
    with connected(cluster, tmp_path_factory.mktemp("results")) as nodes:
        yield RayExecutor(nodes)


@pytest.fixture
def run_all(executor):
    """Makes the stand-ins as `run 1`, `run 2` and so on, each with one CPU."""

    def run(*works, quiet: bool = False) -> None:
        names = [f"run {number}" for number in range(1, len(works) + 1)]
        jobs = [Job(work, Resources(name, cpus=1)) for name, work in zip(names, works, strict=True)]
        executor.run(jobs, RunClock(names, workers=2), Terminal(quiet))

    return run


def test_the_lines_are_those_of_workers(run_all, capsys):
    run_all(worker_jobs.train, worker_jobs.train)
    printed = capsys.readouterr()
    assert printed.out == ""
    headings, lines = [], []
    for line in printed.err.splitlines():
        (headings if line.startswith("run ") and " of " in line else lines).append(line)
    assert {heading[:12] for heading in headings} == {"run 1 of 2: ", "run 2 of 2: "}
    assert sorted(lines) == [
        HEADING,
        "run 1: finetune tiny-llama bico: step 1/1 (100 %), loss 0.5",
        "run 1: results/x: done",
        "run 2: finetune tiny-llama bico: step 1/1 (100 %), loss 0.5",
        "run 2: results/x: done",
        "warning: the cores are old",
        "warning: the warm-up is long",
    ]


def test_a_quiet_run_prints_nothing_and_has_the_threads_of_its_cpus(run_all, tmp_path, capfd):
    run_all(partial(worker_jobs.note_process, tmp_path / "noted"), quiet=True)
    assert "".join(capfd.readouterr()) == ""
    process, threads = (tmp_path / "noted").read_text().split()
    assert (threads, process != str(os.getpid())) == ("1", True)


def test_a_terminal_shows_a_table_of_all_runs(executor, tmp_path):
    terminal = Terminal()
    terminal._err = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    names = ["run 1", "run 2"]
    works = [partial(worker_jobs.be_killed_once, tmp_path / "killed"), worker_jobs.train]
    jobs = [Job(work, Resources(name, cpus=1)) for name, work in zip(names, works, strict=True)]
    executor.run(jobs, RunClock(names, workers=2), terminal)
    shown = terminal._err.file.getvalue()
    assert "2 runs, 2 waiting" in shown
    assert re.search(r"run 1 +retrying", shown) and re.search(rf"run \d +(running|done) +{socket.gethostname()}", shown)
    assert "run 2: results/x: done" in shown  # messages go on above the table


def test_a_mistake_is_not_retried_and_the_other_runs_continue(run_all, tmp_path, capsys):
    note = partial(worker_jobs.note_process, tmp_path / "noted")
    with pytest.raises(ReversalError, match="results/x: No space left on device; expected a place to write"):
        run_all(partial(worker_jobs.fail, "no such data"), worker_jobs.fill_the_disk, note)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "error: no such data" and not any("retry" in line for line in lines)
    assert (tmp_path / "noted").is_file()


def test_a_bug_keeps_its_traceback(run_all, capsys):
    with pytest.raises(WorkerError, match="run 1: ended by a bug; expected the run to finish; what it printed"):
        run_all(worker_jobs.crash)
    lines = capsys.readouterr().err.splitlines()
    assert "run 1: RuntimeError: a bug" in lines and any("in crash" in line for line in lines)
    assert all(line.startswith(("run 1: ", "run 1 of 1: ", "Ray: ")) for line in lines)


def test_a_lost_worker_is_replaced_and_one_that_is_always_lost_is_an_error(run_all, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ray_executor, "MAX_RETRIES", 1)
    with pytest.raises(WorkerError, match=r"run 2: its worker was lost 2 times \(last: WorkerCrashedError; out of"):
        run_all(partial(worker_jobs.be_killed_once, tmp_path / "killed"), worker_jobs.be_killed)
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("run 1: is continued on ") for line in lines) == 1
    assert sum("was lost (WorkerCrashedError); retry 1/1" in line for line in lines) == 2


def test_a_run_that_gets_sigterm_is_made_again(run_all, tmp_path, capsys):
    run_all(partial(worker_jobs.be_interrupted_once, tmp_path / "interrupted"))
    lines = capsys.readouterr().err.splitlines()
    # It may be lost before it has said where it is.
    lost = re.compile(r"run 1: its worker (on \S+ )?was lost \(interrupted\); retry 1/3")
    assert any(lost.fullmatch(line) for line in lines)


def one_run(work: Any) -> Driver:
    """The driver of `run 1`."""
    return Driver([Job(work, Resources("run 1"))], [Demand(1, 0)], RunClock(["run 1"]), Terminal())


def test_what_a_lost_worker_said_is_not_shown_once_its_run_is_retried(executor, capsys):
    driver = one_run(worker_jobs.train)
    driver._begin(driver.waiting.popleft())
    driver._retry(0, "WorkerCrashedError")
    for event in (("begin", "lost-node"), ("stage", "finetune", "step"), ("say", "late")):
        driver.ray.get(driver.mailbox.put.remote(Message(0, 0, event)))
    assert driver.run() == []
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "is continued on" in line] == [f"run 1: is continued on {socket.gethostname()}"]
    assert "run 1: late" not in lines and lines[-1] == "run 1: results/x: done"


def test_without_its_mailbox_the_command_ends_in_one_line(executor, tmp_path):
    driver = one_run(partial(worker_jobs.wait, tmp_path / "1"))
    driver.ray.kill(driver.mailbox)
    with pytest.raises(WorkerError, match=r"Ray: the mailbox of the runs is lost, or the .* head with it \(Actor"):
        driver.run()


@pytest.mark.parametrize("ray_knows", [False, True])
def test_without_its_connection_the_command_ends_in_one_line(executor, monkeypatch, ray_knows):
    calls: list[str] = []
    driver = one_run(worker_jobs.train)

    def lose(call: str, *_: Any, **options: Any) -> None:
        calls.append(call)
        if ray_knows:
            monkeypatch.setattr(driver.ray, "is_initialized", lambda: False)
        raise ConnectionError("GRPC connection failed")

    for name in ("wait", "cancel"):
        monkeypatch.setattr(driver.ray, name, partial(lose, name))
    with pytest.raises(WorkerError, match=r"head with it \(ConnectionError\).*: without --overwrite runs continue"):
        driver.run()
    assert calls == (["wait"] if ray_knows else ["wait", "cancel"])


def test_a_run_waits_for_its_lock(run_all, tmp_path):
    run_all(partial(worker_jobs.wait_for_lock, tmp_path / "lock"))
    assert (tmp_path / "lock").read_text() == "free"


def test_ctrl_c_interrupts_every_run(run_all, tmp_path):
    paths = [tmp_path / "1", tmp_path / "2"]

    def interrupt() -> None:
        until = time.monotonic() + worker_jobs.NEVER
        while time.monotonic() < until and not all(path.is_file() and path.read_text() for path in paths):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_all(*(partial(worker_jobs.wait, path) for path in paths))
    thread.join()
    assert [path.read_text() for path in paths] == ["interrupted", "interrupted"]


def test_ray_does_not_decide_what_sigterm_does(executor):
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
