"""A Ray cluster of two nodes on this machine, each with one CPU. Without Ray, what needs it is skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversal_cli.interruption import sigterm_kept

STORE_BYTES = 80 * 10**6
"""Ray refuses a smaller object store."""
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS))),
}
"""Of the nodes: tasks import the stand-ins of the tests, and do not give way to other processes."""


@pytest.fixture(scope="session")
def node_environment() -> dict[str, str]:
    return ENVIRONMENT


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """Its address."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    with sigterm_kept(), pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args=options)
        cluster.add_node(**options)
    yield cluster.address
    cluster.shutdown()
