"""The test prompts as other tools want them. One file per format: a function from the dataset to the files of a folder.

Nothing here imports the tool it writes for.
"""

from collections.abc import Callable

from reversal_cli.data.base import Splits
from reversal_cli.export import lm_eval

Export = Callable[[Splits, int], dict[str, str]]
"""(dataset, tokens that a completion may have) -> name -> text of every file of the folder."""

FORMATS: dict[str, Export] = {"lm-eval": lm_eval.task_files}
"""Name on the command line -> what writes it."""
