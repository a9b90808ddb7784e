"""Batches of prompts: the longest first, padded on the left, and what to do if one does not fit into memory."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from reversal_cli.models.memory import explain_out_of_memory

Item = TypeVar("Item")


def longest_first(items: Iterable[Item], length: Callable[[Item], int], batch_size: int) -> Iterator[list[Item]]:
    """Batches of items of similar length, the longest first, so that a batch too large for memory fails at once.

    >>> list(longest_first(["a", "bbb", "cc", "d"], len, 2))
    [['bbb', 'cc'], ['a', 'd']]
    """
    ordered = sorted(items, key=lambda item: -length(item))
    for start in range(0, len(ordered), batch_size):
        yield ordered[start : start + batch_size]


def left_pad(rows: Sequence[Sequence[int]], pad: int) -> Tensor:
    """The rows as int64 [b, s], as wide as the longest.

    By hand, because a tokenizer would need its `padding_side` changed.
    """
    width = max(len(row) for row in rows)
    return torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])


def explain_full_memory(what: str, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Inside, a batch that does not fit raises ReversalError. what: of which there are too many, `64 prompts`."""
    return explain_out_of_memory(
        f"evaluation.batch_size: {what} do not fit into the memory of {device}; "
        "expected a smaller batch; lower it and run again, finished predictions are kept"
    )
