"""The connection to a Ray cluster, or to a local one for the time of a command."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reversal_cli.errors import ReversalError, WorkerError
from reversal_cli.interruption import sigterm_kept
from reversal_cli.workers.demands import Node
from reversal_cli.workers.ray_task import sees
from reversal_cli.workers.team import cores

ADDRESS = re.compile(r"(?:ray://)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})", re.ASCII)
SECONDS_TO_ANSWER = 5.0
"""Time for what listens at an address."""
SECONDS_TO_LOOK = 120.0
"""Time for a node to start a worker and look at a folder."""
LOCAL_STORE_BYTES = 2**28
"""Object store of a local Ray, which passes datasets to the runs; the default is 30 % of the memory."""
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""Of a local Ray: nothing is sent anywhere, and runs do not give way to all else that this machine does."""
CONNECTION_LIMITS = {"RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "5"}
"""Ray would try for minutes to reach something else that listens at the address."""


@contextlib.contextmanager
def connected(address: str | None, results: Path) -> Iterator[list[Node]]:
    """The nodes of the cluster, connected inside. address: `auto`, `ray://host:10001` or `host:6379`; None starts a
    local Ray, which ends with the context.

    Raises ReversalError without Ray, if the address does not answer, and if a node does not see the results folder.
    """
    try:
        ray = _imported(address)
        with sigterm_kept():  # Ray's handler would end this process before its runs are told
            _connect(ray, address)
    except ImportError as error:  # of ray, or of what it needs for ray://
        raise ReversalError(
            f"--executor ray: ray cannot be imported ({error}); expected it beside reversal; "
            "run `pip install 'reversal[ray]'`"
        ) from None
    try:
        nodes = [node for node in ray.nodes() if node["Alive"]]
        if address is not None:
            _refuse_unshared(ray, results, nodes)
        # Ray prints what happens to workers on stdout, which is for results; the driver says it in its own words.
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            yield [_node(node) for node in nodes]
    finally:
        ray.shutdown()


def refuse_malformed(address: str) -> None:
    """Raises ReversalError for what cannot be an address of Ray."""
    match = ADDRESS.fullmatch(address)
    if address != "auto" and not (match and 0 < int(match["port"]) < 2**16):
        raise ReversalError(
            f"--address: found '{address[:60]}'; expected auto, ray://host:10001 or host:6379; correct it, or leave it "
            "out for a Ray of this machine alone"
        )


def _imported(address: str | None) -> Any:
    """The module `ray`. It reads these variables when it is imported; those that a user has set are kept."""
    for name, value in {**ENVIRONMENT, **(CONNECTION_LIMITS if address else {})}.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


def _connect(ray: Any, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        # Not RAY_ADDRESS: what a command does should be in the command.
        ray.init("local", num_cpus=cores(), include_dashboard=False, object_store_memory=LOCAL_STORE_BYTES, **quiet)
        return
    try:
        if match := ADDRESS.fullmatch(address):
            _refuse_foreign(match["host"], match["port"])
        ray.init(address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:  # a ConnectionError and a TimeoutError are OSErrors
        reason = " ".join(str(error).split())[:200]
        raise ReversalError(
            f"--address {address}: no Ray cluster answers ({reason}); expected one of the same versions of Ray and "
            "Python; start it with `ray start --head`, or correct the address"
        ) from None


def _refuse_foreign(host: str, port: str) -> None:
    """Raises OSError unless something there speaks gRPC, as Ray does, which itself would try for long."""
    import grpc

    if os.environ.get("RAY_USE_TLS", "0") != "0":  # Ray itself has the certificates
        return
    with grpc.insecure_channel(f"{host}:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(SECONDS_TO_ANSWER)
        except grpc.FutureTimeoutError:
            raise ConnectionError(f"nothing that speaks gRPC within {SECONDS_TO_ANSWER:g} seconds") from None


def _node(node: dict[str, Any]) -> Node:
    resources = node["Resources"]
    return Node(resources.get("CPU", 0.0), resources.get("GPU", 0.0))


def _refuse_unshared(ray: Any, results: Path, nodes: list[dict[str, Any]]) -> None:
    """Raises ReversalError if a node does not see the working folder and the results folder, or lacks this package."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

    results.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=results, prefix=".seen-by-all-") as file:
        paths = (str(Path.cwd()), str(Path(file.name).absolute()))
        on_nodes = [OnNode(node["NodeID"], soft=False) for node in nodes]
        options = [{"num_cpus": 0, "max_retries": 0, "scheduling_strategy": on_node} for on_node in on_nodes]
        looks = [ray.remote(sees).options(**chosen).remote(*paths) for chosen in options]
        for node, answer in zip(nodes, looks, strict=True):
            host = node["NodeManagerHostname"]
            if not _seen(ray, host, answer):
                raise ReversalError(
                    f"--out {results}: {host} of the cluster does not see {results.absolute()} and {Path.cwd()}; "
                    "expected folders that all nodes share; start the command in a shared folder"
                )


def _seen(ray: Any, host: str, answer: Any) -> bool:
    try:
        return ray.get(answer, timeout=SECONDS_TO_LOOK)
    except ray.exceptions.RayTaskError as error:
        raise ReversalError(
            f"{host}: cannot run reversal ({' '.join(str(error.cause).split())[:200]}); expected the same version of "
            "reversal on every node; install it there"
        ) from None
    except ray.exceptions.RayError as error:
        raise WorkerError(
            f"{host}: does not answer ({type(error).__name__}); expected a node that runs tasks; see `ray status`"
        ) from None
