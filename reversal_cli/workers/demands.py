"""CPUs and GPUs of each run on a cluster, and the number of runs that fit on its nodes at a time."""

from collections.abc import Sequence
from typing import NamedTuple

from reversal_cli.errors import ReversalError
from reversal_cli.workers.job import Resources

ROUNDING = 1e-9
"""Ten tenths of a GPU are one, although 1 // 0.1 is 9."""


class Demand(NamedTuple):
    """CPUs and GPUs of one run."""

    cpus: int
    gpus: float


class Node(NamedTuple):
    """A machine of the cluster."""

    cpus: float
    gpus: float

    def holds(self, demand: Demand) -> int:
        """Runs that fit on the node at a time.

        >>> Node(cpus=8, gpus=2).holds(Demand(cpus=1, gpus=0.5))
        4
        """
        by_cpus = int(self.cpus // demand.cpus)
        return min(by_cpus, int(self.gpus / demand.gpus + ROUNDING)) if demand.gpus else by_cpus


def demands_of(resources: Sequence[Resources], nodes: Sequence[Node], threads: int | None) -> list[Demand]:
    """CPUs and GPUs of each run, by the rules of the spec's `resources`. threads: OMP_NUM_THREADS, if set.

    Raises ReversalError for a run that no node has room for, or whose device contradicts its GPUs.
    """
    cluster_has_gpus = any(node.gpus for node in nodes)
    runs = [(run, _gpus(run, cluster_has_gpus)) for run in resources]
    share = threads or _share(sum(run.cpus is None and not gpus for run, gpus in runs), nodes)
    demands = [Demand(run.cpus or (1 if gpus else share), gpus) for run, gpus in runs]
    for run, demand in zip(resources, demands, strict=True):
        _refuse_too_much(run.name, demand, nodes)
    return demands


def at_a_time(demands: Sequence[Demand], nodes: Sequence[Node]) -> int:
    """How many of the runs that need most fit on the cluster."""
    return min(_together(demand, nodes) for demand in demands)


def _gpus(run: Resources, cluster_has_gpus: bool) -> float:
    kind, _, index = run.device.partition(":")
    on_gpu = kind in ("cuda", "xpu")
    gpus = float(on_gpu or (kind == "auto" and cluster_has_gpus)) if run.gpus is None else run.gpus
    if on_gpu and not gpus:
        raise ReversalError(
            f"{run.name}: resources.gpus is 0, but training.device is '{run.device}'; expected a GPU for it; "
            "leave out one of them"
        )
    if index and int(index) >= max(1, gpus):
        raise ReversalError(
            f"{run.name}: training.device is '{run.device}', but Ray chooses the GPU; expected '{kind}'; correct it"
        )
    return gpus


def _share(runs: int, nodes: Sequence[Node]) -> int:
    """The most CPUs with which so many runs fit on the nodes at a time, at least 1."""
    largest = max((int(node.cpus) for node in nodes), default=1)
    fitting = (cpus for cpus in range(largest, 0, -1) if _together(Demand(cpus, 0), nodes) >= runs)
    return next(fitting, 1)


def _together(demand: Demand, nodes: Sequence[Node]) -> int:
    return sum(node.holds(demand) for node in nodes)


def _refuse_too_much(run: str, demand: Demand, nodes: Sequence[Node]) -> None:
    if not _together(demand, nodes):
        offers = sorted({(node.cpus, node.gpus) for node in nodes}, reverse=True)
        largest = ", ".join(f"{cpus:g} and {gpus:g}" for cpus, gpus in offers[:3])
        raise ReversalError(
            f"{run}: needs {demand.cpus} CPUs and {demand.gpus:g} GPUs, and no node of the cluster has both; "
            f"expected at most what one node has ({largest}); lower resources.cpus or resources.gpus, or add a node"
        )
