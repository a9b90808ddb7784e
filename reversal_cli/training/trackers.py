"""The log of a training in TensorBoard or Weights & Biases, by the callbacks of transformers."""

import contextlib
import importlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reversal_cli.errors import ReversalError
from reversal_cli.processes.place import is_first
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.spec.experiment import ExperimentSpec

if TYPE_CHECKING:
    from transformers import TrainerCallback


MODULES = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb"}
"""What has to be there for each value of training.report_to but "none"."""


def refuse_missing_tracker(specs: Sequence[ExperimentSpec]) -> None:
    """Raises ReversalError if a run is to be reported to something that is not installed, or only in part."""
    for tracker in sorted({spec.training.report_to for spec in specs} - {"none"}):
        try:
            importlib.import_module(MODULES[tracker])
        except ImportError as error:
            raise ReversalError(
                f"training.report_to: {tracker} cannot be imported ({error}); expected it beside reversal; "
                f"run `pip install 'reversal[{tracker}]'`"
            ) from None


@contextlib.contextmanager
def reporting(spec: ExperimentSpec, run: RunDirectory, last_step: int) -> "Iterator[list[TrainerCallback]]":
    """The callbacks that report the training inside; none by default, and none in other processes than the first.

    last_step: of an interrupted training that is continued; what TensorBoard has of later steps is trained again.
    """
    if not is_first():
        yield []
    elif spec.training.report_to == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter
        from transformers.integrations import TensorBoardCallback

        yield [TensorBoardCallback(SummaryWriter(str(run.tensorboard_path), purge_step=last_step + 1))]
    elif spec.training.report_to == "wandb":
        from transformers.integrations import WandbCallback

        with _wandb_run(spec, run):
            yield [WandbCallback()]
    else:
        yield []


def _wandb_run(spec: ExperimentSpec, run: RunDirectory) -> contextlib.AbstractContextManager:
    """A run of Weights & Biases with our name and our spec, into which the callback writes. WANDB_PROJECT,
    WANDB_MODE=offline and the like are heeded. Raises ReversalError if it cannot begin."""
    import wandb

    try:
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", "reversal"),
            name=f"{spec.name}/seed-{spec.seed}",
            dir=str(run.path),
            config=spec.model_dump(mode="json"),
        )
    except wandb.Error as error:
        raise ReversalError(
            f"training.report_to: wandb cannot begin a run ({' '.join(str(error).split())[:160]}); expected a login; "
            "run `wandb login`, or set WANDB_MODE=offline"
        ) from None
