"""--overwrite of a run that is made again because its worker was lost."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from reversal_cli.console import Terminal


def overwriting_once(work: Callable[..., None], manifest: Path, overwrite: bool) -> partial[None]:
    """`work(terminal, overwrite=...)` as the work of a `Job`. Each attempt decides anew: what an earlier one has begun
    in place of the older run is continued, not overwritten.

    manifest: of the run. To be called when the command begins.
    """
    return partial(_attempt, work, manifest, _content(manifest)) if overwrite else partial(work, overwrite=False)


def _attempt(work: Callable[..., None], manifest: Path, older: bytes, terminal: Terminal) -> None:
    content = _content(manifest)
    work(terminal, overwrite=content in (older, b""))  # a new manifest differs: it says when its run began


def _content(manifest: Path) -> bytes:
    return manifest.read_bytes() if manifest.is_file() else b""
