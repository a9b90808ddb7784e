"""Seeded order, the same on every machine and Python version: items sorted by the SHA-256 of their name.

`random.shuffle` does not promise that across versions, and its result depends on how often it was called before.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

Item = TypeVar("Item")


def digest(label: str) -> int:
    """The SHA-256 of `label` as a number."""
    return int.from_bytes(hashlib.sha256(label.encode()).digest(), "big")


def ordered(items: Sequence[Item], label: str, key: Callable[[Item], object] = str) -> list[Item]:
    """`items` in the order that `label` fixes; `key` maps an item to the name that is hashed."""
    return sorted(items, key=lambda item: digest(f"{label}/{key(item)}"))


def cycle_ordered(items: Sequence[Item], label: str, key: Callable[[Item], object] = str) -> Iterator[Item]:
    """`items` without end, each round in another order, so that every item is used equally often."""
    for round_number in count():
        yield from ordered(items, f"{label}/{round_number}", key)


def unique_pairs(starts: Sequence[str], ends: Sequence[str], label: str) -> Iterator[tuple[str, str]]:
    """All pairs of a start and an end, each once, such that every round uses each start and each end once.

    A Latin square: round r pairs start k with end k + shift(r), and no two rounds have the same shift. So among the
    first `len(starts)` pairs no word occurs twice. The length of one list must be a multiple of that of the other: the
    longer one makes up several squares, and each round goes through all of them.
    """
    if len(starts) > len(ends):
        yield from ((start, end) for end, start in unique_pairs(ends, starts, label))
        return
    starts, ends = ordered(starts, f"{label}/starts"), ordered(ends, f"{label}/ends")
    size = len(starts)
    for shift in ordered(range(size), f"{label}/shifts"):
        positions = ordered(range(size), f"{label}/positions/{shift}")
        for square in range(0, len(ends), size):
            for position in positions:
                yield starts[position], ends[square + (position + shift) % size]
