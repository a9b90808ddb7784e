"""Checkpoints of a training in progress, and which of them it can continue from.

checkpoints/checkpoint-<step>/
    logged_loss.json       the loss since the last record of the training log
    what Trainer saves     weights, optimizer, schedule, random states, trainer_state.json; with FSDP, the first two in
                           folders, to which each process writes its part
    complete.json          file name -> sha256 of every other file; written last

If a file is missing, cut or changed, Trainer fails with an error of its own, or trains on to other weights without one.
So a checkpoint is used only if every file has the hash in its list.
"""

import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from transformers import TrainerCallback

from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import share_files
from reversal_cli.files.reading import read_json
from reversal_cli.files.writing import file_sha256
from reversal_cli.processes.place import shards_weights
from reversal_cli.processes.together import from_first
from reversal_cli.runs.directory import write_json

COMPLETE = "complete.json"
NEEDED = {"trainer_state.json", "scheduler.pt"}
"""Without one of these, an optimizer and random states, Trainer would continue all the same, to other weights."""
WHOLE, SHARDS = {"optimizer.pt"}, {"optimizer_0/.metadata", "pytorch_model_fsdp_0/.metadata"}
"""One file for all; or FSDP's folders, with a part from each process. The weights' file is missed without this."""
RANDOM_STATES = "rng_state"
"""How the files of the random states begin: rng_state.pth, or one for each of several processes, rng_state_0.pth."""
NAME = re.compile(r"checkpoint-(\d+)")
KEPT = 2
"""Checkpoints that stay on disk: where the newest is damaged, training continues from the one before."""


class Resumption(NamedTuple):
    """Where a training can continue."""

    checkpoint: Path | None
    """None: it starts anew."""
    step: int
    """Optimizer steps taken up to there."""
    faults: tuple[str, ...]
    """Newer checkpoints that cannot be used and why, newest first: "checkpoint-40: incomplete (...)"."""

    def line(self, folder: Path) -> str:
        """The message for the user; empty if no training was begun."""
        if not (self.checkpoint or self.faults):
            return ""
        where = f"continues from {self.checkpoint.name}" if self.checkpoint else "starts anew"
        return ", ".join([*(f"{folder.name}/{fault}" for fault in self.faults), where])


NEW = Resumption(None, 0, ())
"""A training that was not begun yet."""


def find_checkpoint(folder: Path) -> Resumption:
    """The newest whole checkpoint in the folder, which is left as it is."""
    faults: list[str] = []
    for step, checkpoint in _by_step(folder):
        why = fault(checkpoint)
        if why is None:
            return Resumption(checkpoint, step, tuple(faults))
        faults.append(f"{checkpoint.name}: incomplete ({why})")
    return Resumption(None, 0, tuple(faults))


def fault(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, compared with its list of files; None: nothing."""
    path = checkpoint / COMPLETE
    if not path.is_file():
        return f"{COMPLETE} is missing: its writing was cut off, or an earlier version wrote it"
    try:
        listed = read_json(path)
    except ReversalError:
        return f"{COMPLETE} is broken"
    if lacking := sorted((NEEDED | (SHARDS if is_sharded(checkpoint) else WHOLE)) - listed.keys()):
        return f"{COMPLETE} does not list {lacking[0]}"
    if not any(name.startswith(RANDOM_STATES) for name in listed):
        return f"{COMPLETE} does not list {RANDOM_STATES}.pth"
    for name, sha256 in sorted(listed.items()):
        if not (checkpoint / name).is_file():
            return f"{name} is missing"
        if file_sha256(checkpoint / name) != sha256:
            return f"{name} differs from its hash"
    return None


def is_sharded(checkpoint: Path) -> bool:
    """Whether each process has written its part (FSDP)."""
    return (checkpoint / "pytorch_model_fsdp_0").is_dir()


def refuse_other_sharding(resumption: Resumption) -> None:
    """Raises ReversalError if one of the checkpoint and this command has whole weights in each process, and the other
    has not."""
    checkpoint = resumption.checkpoint
    if checkpoint is not None and is_sharded(checkpoint) != shards_weights():
        way = "with" if is_sharded(checkpoint) else "without"
        raise ReversalError(
            f"{checkpoint}: was written {way} FSDP; expected to be continued {way} it; start the training {way} "
            "--use_fsdp, or anew with --overwrite"
        )


def seal(checkpoint: Path) -> None:
    """Writes the list that makes a checkpoint complete."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != COMPLETE)
    write_json(checkpoint / COMPLETE, {str(path.relative_to(checkpoint)): file_sha256(path) for path in files})


def remove_unusable(folder: Path, resumption: Resumption) -> None:
    """Removes incomplete checkpoints, and those after the step that the training continues from."""
    for step, checkpoint in _by_step(folder):
        if step > resumption.step or not (checkpoint / COMPLETE).is_file():
            remove(checkpoint)


def remove_incomplete(folder: Path) -> None:
    """Removes what is left of a checkpoint that could not be written, as on a full disk, if that can be done."""
    for _step, checkpoint in _by_step(folder):
        if not (checkpoint / COMPLETE).is_file():
            shutil.rmtree(checkpoint, ignore_errors=True)


def remove(checkpoint: Path) -> None:
    """Removes a checkpoint; an interruption leaves nothing that looks complete."""
    (checkpoint / COMPLETE).unlink(missing_ok=True)
    shutil.rmtree(checkpoint)


class SealedCheckpoints(TrainerCallback):
    """Completes each checkpoint that Trainer has written, and then removes all but the newest two."""

    def __init__(self, folder: Path):
        self.folder = folder

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        from_first(lambda: self._complete(self.folder / f"checkpoint-{state.global_step}"))  # each has written a file

    def _complete(self, checkpoint: Path) -> None:
        share_files(checkpoint)
        seal(checkpoint)
        for _step, older in _by_step(self.folder)[KEPT:]:
            remove(older)


def _by_step(folder: Path) -> list[tuple[int, Path]]:
    """Steps and checkpoints, newest first."""
    named = [(NAME.fullmatch(path.name), path) for path in folder.glob("checkpoint-*") if path.is_dir()]
    return sorted(((int(match[1]), path) for match, path in named if match), reverse=True)
