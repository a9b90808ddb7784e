"""Several processes that work as one: joining them, and what they tell one another."""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from reversal_cli.errors import ReversalError
from reversal_cli.processes.ending import EndAll, watched
from reversal_cli.processes.place import Place, place

T = TypeVar("T")
SHORT_WAIT = timedelta(minutes=10)
"""For the processes to find one another, and for each other's gradients."""
LONG_WAIT = timedelta(days=7)
"""For what the first one does alone, which may be an evaluation; a failure ends all of them, see `watched`."""
_long_waiting: Any = None
"""The group of the processes in which they wait so long."""


@contextlib.contextmanager
def joined() -> Iterator[EndAll]:
    """Inside, the processes of a command work as one, and only the first prints. The callable ends all of them with an
    exit code and a line; in a single process it does nothing.

    Raises ReversalError if they do not find one another.
    """
    here = place()
    if here.processes == 1:
        yield lambda code, line: None
        return
    _join(here)
    with watched(here) as end_all, _silent_unless_first(here):
        yield end_all
        wait_for_all()
    import torch

    torch.distributed.destroy_process_group()


def wait_for_all() -> None:
    """Returns when every process has come here."""
    import torch

    if place().processes > 1:
        torch.distributed.all_reduce(torch.zeros(1), group=_long_waiting)


def from_first(function: Callable[[], T]) -> T:
    """The value of the function, which the first process calls when all are here, for all of them."""
    here = place()
    if here.processes == 1:
        return function()
    import torch

    wait_for_all()
    value: list[Any] = [function() if here.rank == 0 else None]
    torch.distributed.broadcast_object_list(value, device=torch.device("cpu"), group=_long_waiting)
    return value[0]


def greatest(*values: int) -> list[int]:
    """The greatest of each value over all processes."""
    if place().processes == 1:
        return list(values)
    import torch

    tensor = torch.tensor(values)
    torch.distributed.all_reduce(tensor, torch.distributed.ReduceOp.MAX, group=_long_waiting)
    return tensor.tolist()


def from_each(value: T) -> list[T]:
    """The values of all processes, by rank."""
    here = place()
    if here.processes == 1:
        return [value]
    import torch

    values: list[Any] = [None] * here.processes
    torch.distributed.all_gather_object(values, value, group=_long_waiting)
    return values


def _join(here: Place) -> None:
    global _long_waiting
    # Else DDP warns in each process that it looks for unused weights, of which most models have none.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # Else transformers loads no weights but in the first process, where accelerate's FSDP would find them.
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    import torch

    has_gpu = torch.cuda.is_available()
    if has_gpu:
        if here.local_rank >= torch.cuda.device_count():
            raise ReversalError(
                f"LOCAL_RANK: found {here.local_rank} on a machine with {torch.cuda.device_count()} GPUs; expected a "
                "GPU for each process; start fewer of them there"
            )
        torch.cuda.set_device(here.local_rank)
    try:
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=SHORT_WAIT)
        _long_waiting = torch.distributed.new_group(backend="gloo", timeout=LONG_WAIT)
    except (RuntimeError, ValueError) as error:
        raise ReversalError(
            f"MASTER_ADDR, MASTER_PORT: the processes cannot be joined ({' '.join(str(error).split())[:160]}); "
            "expected the address of the first one; start all of them with the same address"
        ) from None


@contextlib.contextmanager
def _silent_unless_first(here: Place) -> Iterator[None]:
    """Inside, nothing is printed except by the first process. The traceback of a bug is printed by any."""
    if here.rank == 0:
        yield
        return
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield
