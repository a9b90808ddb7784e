"""The parent of the workers: hands out the runs, shows what the workers say, and collects the errors."""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError, WorkerError
from reversal_cli.run_clock import RunClock
from reversal_cli.workers.job import SECONDS_TO_STOP, TICK, Job
from reversal_cli.workers.messages import CONTINUES, RunMessages, raise_errors
from reversal_cli.workers.process import make_runs

SPAWN = multiprocessing.get_context("spawn")
"""A forked process could use neither the GPU nor the threads of its parent's torch."""


def run_jobs(jobs: Sequence[Job], workers: int, clock: RunClock, terminal: Terminal) -> None:
    """Makes every run: one after another in this process, or as many at a time as there are workers.

    One after another, the first error is raised at once. With workers the other runs continue; then all errors but the
    last are printed, and the last is raised: ReversalError, or WorkerError for a worker that was killed.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        for job in jobs:
            number = clock.begin()
            terminal.begin_run(job.name, clock)
            job.work(terminal)
            clock.finish(number)
        return
    errors = Team(jobs, clock, terminal, threads=max(1, cores() // workers)).run(workers)
    raise_errors(errors)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Worker:
    """A process that makes one run after another: starting Python and importing torch takes seconds."""

    def __init__(self, threads: int):
        self.connection, other_end = SPAWN.Pipe()
        self.process = SPAWN.Process(target=make_runs, args=(other_end, threads), daemon=True)
        # Ctrl-C reaches every process of a terminal. A worker ignores it from its first instruction, since it inherits
        # the handler that is set here; its parent stops it.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.process.start()
        finally:
            signal.signal(signal.SIGINT, handler)
        other_end.close()  # else the pipe would stay open when the worker ends
        self.number = 0
        self.messages: RunMessages

    def begin(self, job: Job, number: int, terminal: Terminal) -> None:
        """Hands a run to the worker; if it has died, `receive` says so."""
        self.number, self.messages = number, RunMessages(job.name, terminal)
        with contextlib.suppress(OSError):
            self.connection.send(job.work)

    def receive(self) -> tuple[Any, ...] | None:
        """The next event of the worker; None if it has ended."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def stop(self) -> None:
        """Interrupts the worker as Ctrl-C would."""
        self.connection.close()  # first: a worker that waits to write into a full pipe would not stop
        self.process.terminate()

    def lost(self) -> WorkerError:
        """The error of a worker that ended before its run did."""
        self.process.join()
        code = self.process.exitcode or 0
        if code == 0:  # see `make_runs`
            return WorkerError(
                f"{self.messages.name}: its worker was interrupted by SIGTERM; expected the run to finish; run the "
                f"same command again: {CONTINUES}"
            )
        if code > 0:
            return WorkerError(
                f"{self.messages.name}: its worker ended with exit code {code}; expected the run to finish; "
                "what it printed above says why"
            )
        memory = " (out of memory?)" if -code == signal.SIGKILL else ""
        return WorkerError(
            f"{self.messages.name}: its worker was killed by signal {-code}{memory}; expected the run to finish; run "
            f"the same command again, with fewer --workers if memory is short: {CONTINUES}"
        )


class Team:
    """The workers of a command, the runs that wait for one, and the errors of those that failed."""

    def __init__(self, jobs: Sequence[Job], clock: RunClock, terminal: Terminal, threads: int):
        self.waiting = deque(jobs)
        self.clock = clock
        self.terminal = terminal
        self.threads = threads
        self.busy: dict[Connection, Worker] = {}
        self.idle: list[Worker] = []
        self.errors: dict[int, ReversalError | WorkerError] = {}

    def run(self, workers: int) -> list[ReversalError | WorkerError]:
        """Makes every run, `workers` at a time. Returns the errors, in the order of the runs."""
        try:
            with self.terminal.several_runs(self.clock) as show_time_left:
                for _ in range(workers):
                    self.idle.append(Worker(self.threads))
                self._hand_out()
                while self.busy:
                    show_time_left()
                    ready = wait(list(self.busy), timeout=TICK)
                    for worker in [self.busy[pipe] for pipe in self.busy if pipe in ready]:
                        self._listen(worker)
        finally:
            team = [*self.busy.values(), *self.idle]
            try:
                for worker in team:
                    worker.stop()
                for worker in team:
                    worker.process.join(SECONDS_TO_STOP)
            finally:  # a second Ctrl-C waits for none
                for worker in team:
                    worker.process.kill()
                    worker.process.join()
        return [self.errors[number] for number in sorted(self.errors)]

    def _hand_out(self) -> None:
        """Hands the runs that wait to idle workers; if none waits, these may leave, with the memory that they hold."""
        while self.idle and self.waiting:
            worker, job = self.idle.pop(0), self.waiting.popleft()
            self.busy[worker.connection] = worker
            worker.begin(job, self.clock.begin(), self.terminal)
            self.terminal.say(self.clock.heading(job.name))
        for worker in self.idle:
            worker.connection.close()

    def _listen(self, worker: Worker) -> None:
        """Shows the next event of a worker."""
        match worker.receive():
            case "end of run", message:
                self._end(worker, ReversalError(message) if message else None)
                self.idle.append(worker)
                self._hand_out()
            case None:
                self._end(worker, worker.lost())
                if self.waiting:
                    self.idle.append(Worker(self.threads))
                self._hand_out()
            case event:
                worker.messages.show(event)

    def _end(self, worker: Worker, error: ReversalError | WorkerError | None) -> None:
        del self.busy[worker.connection]
        worker.messages.close()
        self.clock.finish(worker.number, failed=error is not None)
        if error is not None:
            self.errors[worker.number] = error
            if self.busy or self.waiting:
                worker.messages.say_failed()
