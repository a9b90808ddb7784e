"""Which of the processes of a command this one is, as a launcher says it in the environment."""

import os
from typing import NamedTuple

from reversal_cli.errors import ReversalError

LONGEST_VALUE = 40
"""Characters of a variable that a message repeats."""
SHARDING = {"ACCELERATE_USE_FSDP": "--use_fsdp", "ACCELERATE_USE_DEEPSPEED": "--use_deepspeed"}
"""What accelerate sets to share out the weights, which the first process saves and evaluates: it would wait forever."""
REMEDY = "start the command with torchrun or accelerate, or unset WORLD_SIZE"


class Place(NamedTuple):
    """This process among those of a command."""

    rank: int = 0
    """0: the first process, which alone prints and writes files."""
    processes: int = 1
    local_rank: int = 0
    """Its number on its machine, and that of its GPU."""


def place() -> Place:
    """Raises ReversalError for several processes that a launcher has not numbered."""
    processes = _number("WORLD_SIZE", os.environ.get("WORLD_SIZE", "1"), "a number of processes; unset it")
    if processes <= 1:
        return Place()
    for name, flag in SHARDING.items():
        if os.environ.get(name, "").lower() == "true":
            raise ReversalError(f"{name}: found true; expected whole weights in each process; start it without {flag}")
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


def is_first() -> bool:
    """Whether this process prints and writes files; True if there is no other."""
    return place().rank == 0


def refuse_small_batch(batch_size: int) -> None:
    """Raises ReversalError if a batch does not have a row for each process."""
    processes = place().processes
    if batch_size < processes:
        raise ReversalError(
            f"training.batch_size: found {batch_size}; expected at least {processes}, a row for each process; "
            "raise it, or start fewer processes"
        )


def _number(name: str, value: str, expected: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise ReversalError(f"{name}: found {value[:LONGEST_VALUE]!r}; expected {expected}")
    return int(value)
