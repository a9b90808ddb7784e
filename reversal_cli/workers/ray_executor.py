"""The driver of runs on a Ray cluster: a task per run, retried if its worker or its node is lost."""

import contextlib
import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.text import Text

from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError, WorkerError
from reversal_cli.run_clock import RunClock
from reversal_cli.workers.demands import Demand, Node, at_a_time, demands_of
from reversal_cli.workers.job import SECONDS_TO_STOP, TICK, Job, Resources
from reversal_cli.workers.messages import CONTINUES, RunMessages, raise_errors
from reversal_cli.workers.ray_task import Mailbox, Message, Outbox, TaskEnvironment, make_run
from reversal_cli.workers.state_table import RunState, state_table

MAX_RETRIES = 3
"""Of a run whose worker or node was lost."""
AHEAD = 8
"""Tasks that wait in the cluster; each holds a copy of its dataset, so that not all wait there."""
HEAD = {"node:__internal_head__": 0.001}
"""On the head node: no loss of another node takes the mailbox."""


class RayExecutor(NamedTuple):
    """A Ray cluster that is connected: see `ray_cluster.connected`."""

    nodes: Sequence[Node]

    def at_a_time(self, resources: Sequence[Resources]) -> int:
        """See `Executor`."""
        return at_a_time(self._demands(resources), self.nodes)

    def run(self, jobs: Sequence[Job], clock: RunClock, terminal: Terminal) -> None:
        """See `Executor`."""
        demands = self._demands([job.resources for job in jobs])
        cpus, gpus = (sum(amounts) for amounts in ([n.cpus for n in self.nodes], [n.gpus for n in self.nodes]))
        together = min(len(jobs), at_a_time(demands, self.nodes))
        terminal.say(f"Ray: nodes {len(self.nodes)}, CPUs {cpus:g}, GPUs {gpus:g}; runs at a time: {together}")
        raise_errors(Driver(jobs, demands, clock, terminal).run())

    def _demands(self, resources: Sequence[Resources]) -> list[Demand]:
        threads = os.environ.get("OMP_NUM_THREADS", "")
        return demands_of(resources, self.nodes, int(threads) if threads.isdecimal() else None)


class Driver:
    """The tasks under way, the runs that wait, and the errors of those that failed. A run is its place in `jobs`."""

    def __init__(self, jobs: Sequence[Job], demands: Sequence[Demand], clock: RunClock, terminal: Terminal):
        import ray

        self.ray = ray
        self.jobs = jobs
        self.demands = demands
        self.clock = clock
        self.terminal = terminal
        self.mailbox: Any = ray.remote(Mailbox).options(num_cpus=0, resources=HEAD).remote()
        self.max_calls = int(any(demand.gpus for demand in demands))
        """A process that has used torch keeps the GPUs that it saw, or saw none, and their memory: then each makes one
        run. 0: any number."""
        self.waiting = deque(range(len(jobs)))
        self.tasks: dict[Any, int] = {}
        """Reference of a task -> its run."""
        self.states = [RunState(job.name) for job in jobs]
        self.messages = [RunMessages(job.name, terminal) for job in jobs]
        self.numbers: dict[int, int] = {}
        """Run -> its number on the clock, once it has begun."""
        self.losses = [0] * len(jobs)
        self.errors: dict[int, ReversalError | WorkerError] = {}

    def run(self) -> list[ReversalError | WorkerError]:
        """Makes every run. Returns the errors, in the order of the runs."""
        with self.terminal.live() as show:
            if show:
                self.messages = [RunMessages(s.name, self.terminal, s.progress) for s in self.states]
            try:
                while self.tasks or self.waiting:
                    self._submit()
                    if show:
                        show(partial(state_table, self.states, self.clock.seconds_left()))
                    ready, _ = self.ray.wait(list(self.tasks), timeout=TICK)
                    for message in self.ray.get(self.mailbox.take.remote()):
                        self._show(message)
                    for task in ready:
                        self._end(self.tasks.pop(task), task)
            except (self.ray.exceptions.RayActorError, ConnectionError) as error:  # the latter: of a ray:// address
                raise WorkerError(
                    f"Ray: the mailbox of the runs is lost, or the cluster's head with it ({type(error).__name__}); "
                    "expected both to stay; see whether the cluster is up, and run the same command again: "
                    "without --overwrite runs continue from their last checkpoints"
                ) from None
            finally:
                self._stop()
        return [self.errors[run] for run in sorted(self.errors)]

    def _submit(self) -> None:
        """Hands runs to Ray, which chooses node and time."""
        running = sum(self.states[run].state == "running" for run in self.tasks.values())
        while self.waiting and len(self.tasks) - running < AHEAD:
            run = self.waiting.popleft()
            demand, job = self.demands[run], self.jobs[run]
            options = {"num_cpus": demand.cpus, "num_gpus": demand.gpus, "max_retries": 0, "max_calls": self.max_calls}
            environment = TaskEnvironment(str(Path.cwd()), demand.cpus, demand.gpus > 0)
            make = self.ray.remote(**options)(make_run).options(name=job.name)
            task = make.remote(job.work, environment, Outbox(self.mailbox, run, self.losses[run]))
            self.tasks[task] = run

    def _show(self, message: Message) -> None:
        """Shows an event, unless it comes late, from a worker that is lost."""
        run = message.run
        if message.attempt < self.losses[run]:
            return
        match message.event:
            case "begin", node:
                self.states[run].state, self.states[run].node = "running", node
                self._begin(run)
                if self.losses[run]:
                    self.terminal.say(f"{self.jobs[run].name}: is continued on {node}")
            case _:
                self.messages[run].show(message.event)

    def _begin(self, run: int) -> None:
        if run not in self.numbers:
            self.numbers[run] = self.clock.begin(run)
            self.terminal.say(self.clock.heading(self.jobs[run].name))

    def _end(self, run: int, task: Any) -> None:
        """Takes the result of a task that has ended; a run whose worker was lost waits again."""
        self.messages[run].close()
        self._begin(run)  # a worker may be lost before its first message
        error: ReversalError | WorkerError | None = None
        try:
            if message := self.ray.get(task):
                error = ReversalError(message)
        except self.ray.exceptions.RayError as ending:
            error = self._error_after(run, ending)
            if error is None:
                return
        self.states[run].state = "failed" if error else "done"
        self.clock.finish(self.numbers[run], failed=error is not None)
        if error is not None:
            self.errors[run] = error
            if self.tasks or self.waiting:
                self.messages[run].say_failed()

    def _error_after(self, run: int, ending: Exception) -> WorkerError | None:
        """The error of a run whose task ended so; None if it is made again."""
        errors = self.ray.exceptions
        interrupted = isinstance(ending, errors.TaskCancelledError)  # by SIGTERM; it may be a RayTaskError as well
        if interrupted or not isinstance(ending, errors.RayTaskError):
            loss = "interrupted" if interrupted else type(ending).__name__
            return None if self._retry(run, loss) else self._lost(run, loss)
        for line in Text.from_ansi(str(ending)).plain.splitlines():
            self.messages[run].show(("fail", line))
        name = self.jobs[run].name
        return WorkerError(f"{name}: ended by a bug; expected the run to finish; what it printed above says why")

    def _retry(self, run: int, loss: str) -> bool:
        """Whether the run is made again, from its last checkpoint."""
        self.losses[run] += 1
        if self.losses[run] > MAX_RETRIES:
            return False
        state = self.states[run]
        on_node = f" on {state.node}" if state.node else ""
        self.terminal.say(
            f"{state.name}: its worker{on_node} was lost ({loss}); retry {self.losses[run]}/{MAX_RETRIES}"
        )
        state.state, state.node = "retrying", ""
        self.waiting.appendleft(run)
        return True

    def _lost(self, run: int, loss: str) -> WorkerError:
        return WorkerError(
            f"{self.jobs[run].name}: its worker was lost {self.losses[run]} times (last: {loss}; out of memory?); "
            "expected the run to finish; run the same command again, with more resources.cpus if memory is short, so "
            f"that fewer runs share a node: {CONTINUES}"
        )

    def _stop(self) -> None:
        """Interrupts the tasks that are left, as Ctrl-C would; kills those that do not end."""
        if not self.ray.is_initialized():
            return  # the connection is lost, and Ray would start a cluster of its own
        with contextlib.suppress(self.ray.exceptions.RayError, ConnectionError):
            for task in self.tasks:
                self.ray.cancel(task)
            if self.tasks:
                _, running = self.ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=SECONDS_TO_STOP)
                for task in running:
                    self.ray.cancel(task, force=True)
            self.ray.kill(self.mailbox)
