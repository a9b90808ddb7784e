"""`--executor`, `--workers` and `--address`: what makes the runs of an experiment."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from reversal_cli.commands.options import refuse_without_effect
from reversal_cli.errors import unknown_name

if TYPE_CHECKING:
    from reversal_cli.spec.experiment import ExperimentSpec
    from reversal_cli.workers.executor import Executor

EXECUTORS = ("local", "ray")

ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="What makes the runs: local, this machine, with --workers; or ray, a Ray cluster (or this machine), where "
        "each run gets its resources (see `reversal list resources --options`) and is continued if its node is lost.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Runs at a time, each in a process with its share of the cores (or OMP_NUM_THREADS, if set): for CPUs, "
        "or for small models on a GPU, whose memory the runs share.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="With --executor ray, the cluster: auto (the one that this machine is part of), host:6379 or "
        "ray://host:10001. All its nodes must see the folder of the command and --out. Without it a Ray of this "
        "machine alone is started, and stopped at the end.",
    ),
]


class ExecutorFlags(NamedTuple):
    """The flags of a command line. `check` them first."""

    name: str
    workers: int
    address: str | None

    def check(self) -> None:
        """Raises ReversalError for an unknown executor, and for a flag that has no effect with it."""
        if self.name not in EXECUTORS:
            raise unknown_name("--executor", "executor", self.name, EXECUTORS)
        if self.name == "local" and self.address is not None:
            refuse_without_effect("--address", "it is for --executor ray")
        if self.name == "ray" and self.workers > 1:
            refuse_without_effect("--workers", "with --executor ray the resources of the runs decide")
        if self.address is not None:
            from reversal_cli.workers.ray_cluster import refuse_malformed

            refuse_malformed(self.address)

    @contextlib.contextmanager
    def executor(self, results: Path) -> "Iterator[Executor]":
        """The executor; inside, a cluster is connected. Raises ReversalError if it cannot be."""
        if self.name == "local":
            from reversal_cli.workers.executor import LocalExecutor

            yield LocalExecutor(self.workers)
            return
        from reversal_cli.workers.ray_cluster import connected
        from reversal_cli.workers.ray_executor import RayExecutor

        with connected(self.address, results) as nodes:
            yield RayExecutor(nodes)

    def notes(self, specs: "Sequence[ExperimentSpec]", dry_run: bool) -> list[str]:
        """Remarks on resources that this executor does not give, and on what a dry run does not know of it."""
        if self.name == "ray" and dry_run:
            return ["--dry-run does not connect to Ray; its time and memory are those of this machine, run after run"]
        if self.name == "local" and any(spec.resources.model_fields_set for spec in specs):
            return ["resources are for --executor ray; here --workers decides"]
        return []
