"""What each run gets of a cluster, and which run could never begin."""

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.workers.demands import Demand, Node, at_a_time, demands_of
from reversal_cli.workers.job import Resources

SMALL, LARGE, WITH_GPUS = Node(2, 0), Node(8, 0), Node(8, 2)
CPU, GPU = Resources("x", device="cpu"), Resources("x", device="cuda")


@pytest.mark.parametrize(
    ("runs", "nodes", "share"),
    [(1, [LARGE], 8), (2, [LARGE], 4), (3, [LARGE], 2), (100, [LARGE], 1), (2, [SMALL, LARGE], 4), (4, [LARGE] * 2, 4)],
)
def test_runs_without_a_setting_share_the_cpus_so_that_all_fit_at_a_time(runs, nodes, share):
    demands = demands_of([CPU] * runs, nodes, None)
    assert demands == [Demand(share, 0)] * runs
    assert at_a_time(demands, nodes) >= min(runs, sum(int(node.cpus) for node in nodes))


def test_the_number_of_threads_in_the_environment_is_the_share():
    assert demands_of([CPU, CPU], [LARGE], 3) == [Demand(3, 0)] * 2


def test_a_run_on_a_gpu_gets_one_cpu_and_runs_may_share_a_gpu():
    shared = Resources("x", cpus=2, gpus=0.1, device="cuda")
    auto = Resources("x")
    assert demands_of([GPU, auto, shared, CPU], [WITH_GPUS], None) == [
        Demand(1, 1),
        Demand(1, 1),
        Demand(2, 0.1),
        Demand(8, 0),
    ]
    assert WITH_GPUS.holds(Demand(1, 1)) == 2
    assert Node(64, 1).holds(Demand(1, 0.1)) == 10
    assert at_a_time([Demand(1, 1), Demand(2, 0.1)], [WITH_GPUS, LARGE]) == 2


def test_auto_without_a_gpu_in_the_cluster_is_the_cpu():
    assert demands_of([Resources("x")], [LARGE], None) == [Demand(8, 0)]


@pytest.mark.parametrize(
    ("resources", "nodes", "message"),
    [
        (Resources("x", cpus=9, device="cpu"), [SMALL, LARGE], "x: needs 9 CPUs and 0 GPUs, and no node of the"),
        (GPU, [LARGE], r"expected at most what one node has \(8 and 0\); lower resources.cpus or resources.gpus"),
        (Resources("x", gpus=4.0), [WITH_GPUS, WITH_GPUS], "x: needs 1 CPUs and 4 GPUs"),
        (Resources("x", gpus=0.0, device="cuda"), [WITH_GPUS], "x: resources.gpus is 0, but training.device is 'cuda'"),
        (Resources("x", device="cuda:1"), [WITH_GPUS], "but Ray chooses the GPU; expected 'cuda'"),
    ],
)
def test_a_run_that_could_never_begin_is_refused(resources, nodes, message):
    with pytest.raises(ReversalError, match=message):
        demands_of([resources], nodes, None)
