"""One line of advice if a device runs out of memory."""

import contextlib
from collections.abc import Iterator

import torch

from reversal_cli.errors import FullMemoryError


@contextlib.contextmanager
def explain_out_of_memory(advice: str) -> Iterator[None]:
    """Inside, running out of memory raises FullMemoryError with the advice, instead of a traceback."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise FullMemoryError(advice) from error
