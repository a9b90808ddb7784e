"""The benchmark in the formats of other tools, one file per format.

The other tool is imported only when a folder is written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from reversal_cli.data.base import Splits
from reversal_cli.export import hf_datasets, lm_eval


class Format(NamedTuple):
    save: Callable[[Splits, int, Path], None]
    """(dataset, most tokens of a completion, new folder): fills the folder."""
    names: frozenset[str]
    """The names that `save` may write; an older export is replaced only if it holds no other."""
    usage: str
    """How `{folder}` is used."""


FORMATS: dict[str, Format] = {
    "lm-eval": Format(lm_eval.save, lm_eval.FILE_NAMES, "{folder}/README.md says how to run them"),
    "datasets": Format(hf_datasets.save, hf_datasets.FILE_NAMES, 'read it with `datasets.load_from_disk("{folder}")`'),
}
"""Name on the command line -> format."""
