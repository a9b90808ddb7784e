"""Numbers that must be finite: the loss and gradient norm of every step, and the weights that are saved."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from reversal_cli.errors import ReversalError
from reversal_cli.training.resumption import find_checkpoint

REMEDY = "lower training.learning_rate, or use --dtype bfloat16 or float32"


class NotFiniteTrainingError(ReversalError):
    """A training whose loss, gradient or weights are not finite."""


@contextlib.contextmanager
def naming_last_checkpoint(folder: Path) -> Iterator[None]:
    """Inside, the error of a training that is not finite names the checkpoint before it, if there is one."""
    try:
        yield
    except NotFiniteTrainingError as error:
        last = find_checkpoint(folder).checkpoint
        raise ReversalError(f"{error}; {last} is kept, from before") if last else error from None


class FiniteSteps(TrainerCallback):
    """Stops a training at the first step whose loss or gradient norm is not finite; saves no such weights.

    On a CPU each step is checked as it ends. On a GPU that would wait for the device at every step: the first such step
    is recorded on the device there, and read when Trainer waits anyway, before a log record or a checkpoint.
    """

    def __init__(self, device: torch.device):
        self.waits = device.type != "cpu"
        self.first = {kind: torch.tensor([-1.0, 0.0], device=device) for kind in ("loss", "gradient norm")}
        """Kind -> [step, value] of its first number that is not finite; step -1: none yet."""

    def add(self, kind: str, step: int, value: Tensor) -> None:
        """value: float [], the loss or gradient norm of a step (from 1)."""
        first = self.first[kind]
        here = torch.stack([torch.full_like(first[0], step), value.detach().to(first)])
        self.first[kind] = torch.where((first[0] < 0) & ~torch.isfinite(value), here, first)

    def on_step_end(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        """Raises ReversalError. Nothing of such a step is logged, evaluated or saved."""
        if self.waits and not (control.should_log or control.should_save):
            return
        for kind, first in self.first.items():
            step, value = first.tolist()
            if step >= 0:
                raise NotFiniteTrainingError(
                    f"training: the {kind} is {value} at step {step:.0f}; expected a number; {REMEDY}"
                )
        if control.should_save:
            refuse_unusable_weights(model, f"after step {state.global_step}")


def refuse_unusable_weights(model: nn.Module, when: str) -> None:
    """Raises ReversalError if a weight that is trained, or the part of it that this process has, is not finite: such
    weights are never saved."""
    named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    parts = [(name, weight.to_local() if isinstance(weight, DTensor) else weight) for name, weight in named]
    broken = [name for name, part in parts if not torch.isfinite(part).all()]
    if broken:
        raise NotFiniteTrainingError(
            f"training: {len(broken)} of {len(named)} trained tensors are not finite {when} ({broken[0]} ...); "
            f"expected numbers; {REMEDY}"
        )
