"""What makes the runs of an experiment: this machine, or a Ray cluster."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from reversal_cli.console import Terminal
from reversal_cli.run_clock import RunClock
from reversal_cli.workers.job import Job, Resources
from reversal_cli.workers.team import run_jobs


class Executor(Protocol):
    """Makes runs, some at a time."""

    def at_a_time(self, resources: Sequence[Resources]) -> int:
        """How many of these runs are made at a time. Raises ReversalError if one of them could never begin."""
        ...

    def run(self, jobs: Sequence[Job], clock: RunClock, terminal: Terminal) -> None:
        """Makes every run. Raises the last error, after printing the others: ReversalError, or WorkerError for a
        process that ended before its run did."""
        ...


class LocalExecutor(NamedTuple):
    """This machine: one run after another in this process, or `workers` at a time in processes of their own."""

    workers: int = 1

    def at_a_time(self, resources: Sequence[Resources]) -> int:
        return self.workers

    def run(self, jobs: Sequence[Job], clock: RunClock, terminal: Terminal) -> None:
        run_jobs(jobs, self.workers, clock, terminal)
