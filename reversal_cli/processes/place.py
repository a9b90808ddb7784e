"""Which of the processes of a command this one is, as a launcher says it in the environment."""

import os
from typing import NamedTuple

from reversal_cli.errors import ReversalError

LONGEST_VALUE = 40
"""Characters of a variable that a message repeats."""
FSDP, DEEPSPEED = "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"
"""What accelerate sets to share out the weights."""
REMEDY = "start the command with torchrun or accelerate, or unset WORLD_SIZE"


class Place(NamedTuple):
    """This process among those of a command."""

    rank: int = 0
    """0: the first process, which alone prints and writes files."""
    processes: int = 1
    local_rank: int = 0
    """Its number on its machine, and that of its GPU."""


def place() -> Place:
    """Raises ReversalError for several processes that a launcher has not numbered, and for an unsupported way to share
    out the weights."""
    processes = _number("WORLD_SIZE", os.environ.get("WORLD_SIZE", "1"), "a number of processes; unset it")
    if _is_true(DEEPSPEED):
        raise ReversalError(f"{DEEPSPEED}: found true; expected FSDP (--use_fsdp --fsdp_version 2), or neither")
    if _is_true(FSDP):
        _refuse_unusable_fsdp(processes)
    if processes <= 1:
        return Place()
    values = {name: os.environ.get(name, "") for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")}
    for name, value in values.items():
        if not value:
            raise ReversalError(f"{name}: is not set beside WORLD_SIZE={processes}; expected both; {REMEDY}")
    rank, local_rank = (
        _number(name, values[name], f"a number from 0 to {processes - 1}; {REMEDY}") for name in ("RANK", "LOCAL_RANK")
    )
    if rank >= processes:
        raise ReversalError(f"RANK: found {rank}; expected a number below WORLD_SIZE={processes}; {REMEDY}")
    return Place(rank, processes, local_rank)


def speaks() -> bool:
    """Whether this process prints what every process finds before they are joined, such as a wrong number."""
    return os.environ.get("WORLD_SIZE", "1") in ("", "0", "1") or os.environ.get("RANK", "0") in ("", "0")


def is_first() -> bool:
    """Whether this process prints and writes files; True if there is no other."""
    return place().rank == 0


def shards_weights() -> bool:
    """Whether the processes are to share out the weights of a training (FSDP)."""
    return _is_true(FSDP) and place().processes > 1


def refuse_small_batch(batch_size: int) -> None:
    """Raises ReversalError if a batch does not have a row for each process."""
    processes = place().processes
    if batch_size < processes:
        raise ReversalError(
            f"training.batch_size: found {batch_size}; expected at least {processes}, a row for each process; "
            "raise it, or start fewer processes"
        )


def _refuse_unusable_fsdp(processes: int) -> None:
    if processes <= 1:
        raise ReversalError(
            f"{FSDP}: found true for one process; expected several, which share out the weights; start more of them, "
            "or leave out --use_fsdp"
        )
    version = os.environ.get("FSDP_VERSION", "1")
    if version != "2":
        raise ReversalError(
            f"FSDP_VERSION: found {version[:LONGEST_VALUE]}; expected 2; start it with --fsdp_version 2"
        )
    if _is_true("FSDP_OFFLOAD_PARAMS"):
        raise ReversalError("FSDP_OFFLOAD_PARAMS: found true; expected false; start it without --fsdp_offload_params")


def _is_true(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true"}


def _number(name: str, value: str, expected: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise ReversalError(f"{name}: found {value[:LONGEST_VALUE]!r}; expected {expected}")
    return int(value)
