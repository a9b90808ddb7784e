"""A run to make, and what it asks of the machine that makes it."""

from collections.abc import Callable
from typing import NamedTuple

from reversal_cli.console import Terminal


class Resources(NamedTuple):
    """What a run asks for."""

    run: str = ""
    """Its name, for messages."""
    cpus: int | None = None
    gpus: float | None = None
    """Unset: the executor decides."""
    device: str = "auto"
    """The spec's training.device."""


class Job(NamedTuple):
    """A run to make."""

    name: str
    work: Callable[[Terminal], None]
    """Makes the run. Another process gets it pickled: a function of a module, or a `partial` of one."""
    resources: Resources = Resources()
