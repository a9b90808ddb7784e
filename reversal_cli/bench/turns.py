"""This tool and another one doing the same work in turns, so that a busy machine slows both."""

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

from reversal_cli.bench.measure import Spread
from reversal_cli.bench.results import PeerResult

ROUNDS = 3
"""How often each side has its turn, after once to warm up."""


class Turns(NamedTuple):
    """A piece of work and how each side does it; both sides return their seconds."""

    peer: str
    unit: str
    """What is counted."""
    amount: int
    ours: Callable[[], float]
    theirs: Callable[[], float]


def take_turns(case: str, turns: Turns) -> PeerResult:
    """Ours, theirs, ours, theirs, ...; the first of each is not counted."""
    seconds = [(turns.ours(), turns.theirs()) for _ in range(1 + ROUNDS)][1:]
    ours, theirs = (Spread.of(turns.amount / of_round for of_round in side) for side in zip(*seconds, strict=True))
    return PeerResult(case, turns.peer, turns.unit, ours, theirs, ratio=ours.median / theirs.median)


def is_installed(module: str) -> bool:
    """Whether a package can be imported; it is not imported."""
    return importlib.util.find_spec(module) is not None
