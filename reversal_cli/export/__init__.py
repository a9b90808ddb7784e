"""The benchmark as other tools want it. One file per format: what it writes, and how that is used.

Nothing here imports the tool it writes for before it writes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from reversal_cli.data.base import Splits
from reversal_cli.export import hf_datasets, lm_eval


class Format(NamedTuple):
    save: Callable[[Splits, int, Path], None]
    """(dataset, tokens that a completion may have, new folder): fills the folder."""
    names: frozenset[str]
    """Whatever `save` may put into the folder; an older export is replaced only if it holds nothing else."""
    usage: str
    """What to do with `{folder}`."""


FORMATS: dict[str, Format] = {
    "lm-eval": Format(lm_eval.save, lm_eval.FILE_NAMES, "{folder}/README.md says how to run them"),
    "datasets": Format(hf_datasets.save, hf_datasets.FILE_NAMES, 'read it with `datasets.load_from_disk("{folder}")`'),
}
"""Name on the command line -> what writes it."""
