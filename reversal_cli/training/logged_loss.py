"""The mean loss of the steps since the last record of the training log."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from reversal_cli.files.reading import JsonObject, read_json
from reversal_cli.processes.place import is_first
from reversal_cli.runs.directory import write_json

FILE = "logged_loss.json"


class LoggedLoss(TrainerCallback):
    """Sums the losses between two records and keeps the sum in checkpoints.

    Trainer's own sum begins anew with a continued training, so that the first record after a checkpoint between two
    records would be the mean of fewer steps than in an undisturbed training.
    """

    def __init__(self, device: torch.device):
        self.sum = torch.zeros((), device=device)
        """float32, as in Trainer."""
        self.since = 0
        """The step of the last record."""

    def add(self, loss: Tensor) -> None:
        """loss: float [], of one step. A GPU is not waited for."""
        self.sum += loss

    def take(self, step: int) -> float:
        """The mean up to a step, after which the next one begins."""
        mean = self.sum.item() / (step - self.since)
        self.sum.zero_()
        self.since = step
        return mean

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if is_first():
            write_json(folder / FILE, {"since": self.since, "sum": self.sum.item()})

    def restore(self, checkpoint: Path, step: int) -> None:
        """Continues the sum of a checkpoint at a step; begins one if an earlier version wrote the checkpoint."""
        path = checkpoint / FILE
        stored: JsonObject = read_json(path) if path.is_file() else {"since": step, "sum": 0.0}
        self.since = stored["since"]
        self.sum.fill_(stored["sum"])
