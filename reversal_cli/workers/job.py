"""A run to make, the resources that it needs, and how long its parent waits for it."""

from collections.abc import Callable
from typing import NamedTuple

from reversal_cli.console import Terminal

TICK = 0.5
"""Seconds between two looks at the runs under way, whether or not they send anything."""
SECONDS_TO_STOP = 20.0
"""Time for an interrupted run to save its training and stop; then its process is killed. Its files are not harmed: each
is written whole or not at all."""


class Resources(NamedTuple):
    """What a run needs."""

    name: str
    """Of the run."""
    cpus: int | None = None
    gpus: float | None = None
    """Unset: the executor decides."""
    device: str = "auto"
    """The spec's training.device."""


class Job(NamedTuple):
    """A run to make."""

    work: Callable[[Terminal], None]
    """Makes the run. Another process gets it pickled: a function of a module, or a `partial` of one."""
    resources: Resources

    @property
    def name(self) -> str:
        """Of the run, for messages."""
        return self.resources.name
