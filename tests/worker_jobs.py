"""Stand-ins for runs, which a worker process imports by name; nothing here is slow to import."""

import os
import signal
import time
import warnings
from pathlib import Path

from reversal_cli.console import Terminal
from reversal_cli.errors import BusyError, ReversalError
from reversal_cli.interruption import Interruption

NEVER = 60.0
"""Seconds after which a stand-in gives up, so that a test that fails ends."""


def note_process(path: Path, terminal: Terminal) -> None:
    path.write_text(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}")


def train(terminal: Terminal) -> None:
    warnings.warn("the cores are old", stacklevel=1)
    terminal.warn("the warm-up is long")
    with terminal.progress("finetune tiny-llama bico") as advance:
        advance(1, 1, loss=0.5)
    terminal.say("results/x: done")


def fail(message: str, terminal: Terminal) -> None:
    raise ReversalError(message)


def fill_the_disk(terminal: Terminal) -> None:
    raise OSError(28, "No space left on device", "results/x")


def crash(terminal: Terminal) -> None:
    raise RuntimeError("a bug")


def be_killed(terminal: Terminal) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def get_sigterm(terminal: Terminal) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(NEVER)


def wait(path: Path, terminal: Terminal) -> None:
    """Waits for an interruption, which it notes in the file."""
    try:
        path.write_text("waits")
        for _ in range(int(NEVER / 0.02)):
            time.sleep(0.02)  # briefly: Ray interrupts between two instructions, not within one
    except KeyboardInterrupt:
        path.write_text("interrupted")
        raise


def all_stages_killed_once(spec, benchmark, terminal, **options) -> None:
    """The stages of a run; with seed 1 its process is killed in the second epoch, unless there is a checkpoint."""
    _all_stages_but(1, lambda: be_killed(terminal), spec, benchmark, terminal, options)


def all_stages_held_once(spec, benchmark, terminal, **options) -> None:
    """The same; with seed 0 the run stands still there, until its process is killed."""
    _all_stages_but(0, lambda: time.sleep(10 * NEVER), spec, benchmark, terminal, options)


def all_stages_slow(spec, benchmark, terminal, **options) -> None:
    """The same; with seed 0 the steps there take seconds, in which the training can be interrupted."""
    _all_stages_but(0, lambda: time.sleep(5), spec, benchmark, terminal, options)


def _all_stages_but(seed, interrupt, spec, benchmark, terminal, options) -> None:
    """The stages of a run, with an interruption after the first checkpoint, unless there is one from the beginning."""
    from reversal_cli.pipeline import _all_stages
    from reversal_cli.runs.directory import RunDirectory, run_path

    run = RunDirectory(run_path(options["results"], spec.name, spec.seed))
    send = terminal.send

    def send_and_interrupt(kind, *arguments):
        send(kind, *arguments)
        if kind == "advance" and len(list(run.checkpoints_path.glob("checkpoint-*"))) == 1:
            interrupt()

    if spec.seed == seed and not run.checkpoints_path.is_dir():
        terminal.send = send_and_interrupt
    _all_stages(spec, benchmark, terminal, **options)


def be_killed_once(path: Path, terminal: Terminal) -> None:
    """Is killed if the file is absent, which it writes before."""
    if not path.exists():
        path.write_text("")
        be_killed(terminal)


def be_interrupted_once(path: Path, terminal: Terminal) -> None:
    """Ends as a training does after SIGTERM if the file is absent, which it writes before."""
    if not path.exists():
        path.write_text("")
        raise Interruption(signal.SIGTERM)


def wait_for_lock(path: Path, terminal: Terminal) -> None:
    """Finds the lock of its run held at first."""
    if not path.exists():
        path.write_text("")
        raise BusyError("another process is working here")
    path.write_text("free")
