"""The speeds that `reversal bench` measured on this machine, kept in the user's cache for estimates.

One file per machine: `bench/<digest of processor, cores and system>.json` in the cache folder.
"""

import hashlib
import json
import platform
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from reversal_cli.errors import ReversalError
from reversal_cli.files.cache import cache_folder
from reversal_cli.files.shapes import FileShape, Shape, read_shape
from reversal_cli.runs.directory import write_json
from reversal_cli.runs.provenance import core_count, cpu_name
from reversal_cli.runs.records import Arithmetic
from reversal_cli.spec.presets import PRESETS

Rate = Annotated[float, Field(gt=0)]


class Speed(Shape):
    """One model with one objective and one batch size, in one arithmetic."""

    model: str
    """As `model_key` gives it."""
    objective: str
    tuning: str
    batch_size: int = Field(ge=1)
    max_new_tokens: int = Field(ge=1)
    torch: str
    """Version."""
    arithmetic: Arithmetic
    characters_per_row: Rate
    """Mean length of the rows that were trained."""
    rows_per_second: Rate
    prompts_per_second: Rate
    candidates_per_second: Rate
    peak_memory_mib: Rate
    """Of the training."""
    busy: bool
    """Whether other programs took the processor, so that the speeds are too low."""

    @property
    def measured(self) -> Hashable:
        """What was measured: a later measurement of the same replaces this one."""
        where = self.arithmetic
        conditions = (where.dtype, where.device, where.threads, where.instructions, self.torch)
        return (self.model, self.objective, self.tuning, self.batch_size, *conditions)


class SpeedFile(FileShape):
    """The file of one machine."""

    speeds: list[Speed]


def speeds_path() -> Path:
    """The file of this machine. GPUs are not part of its name, but of the arithmetic of each speed."""
    machine = [platform.system(), platform.machine(), cpu_name(), core_count()]
    digest = hashlib.sha256(json.dumps(machine).encode()).hexdigest()[:12]
    return cache_folder() / "bench" / f"{digest}.json"


def read_speeds() -> list[Speed]:
    """The speeds measured on this machine; none if there is no file. Raises ReversalError for a broken one."""
    path = speeds_path()
    return read_shape(path, SpeedFile, "run `reversal bench` to replace it").speeds if path.exists() else []


def keep_speeds(speeds: Sequence[Speed]) -> Path:
    """Adds speeds to the file of this machine, which it returns. A file that cannot be read is replaced."""
    try:
        earlier = read_speeds()
    except ReversalError:
        earlier = []
    kept = {speed.measured: speed for speed in [*earlier, *speeds]}
    write_json(speeds_path(), SpeedFile(speeds=list(kept.values())).content())
    return speeds_path()


def model_key(name: str) -> str:
    """A preset or a hub id as it is; a folder or file with its whole path, since another folder may hold its like."""
    return name if name in PRESETS or not Path(name).exists() else str(Path(name).resolve())
