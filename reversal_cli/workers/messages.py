"""What the runs of other processes say, shown on the terminal of the command."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from reversal_cli.console import Terminal, error_line
from reversal_cli.errors import ReversalError, WorkerError
from reversal_cli.progress import Advance

CONTINUES = "without --overwrite it continues from the last checkpoint"
"""What the same command does with a run that was cut off."""
Stage = Callable[[str, str], contextlib.AbstractContextManager[Advance]]
"""`stage(description, unit)`: where the progress of a stage is shown, as `Terminal.progress`."""


class RunMessages:
    """Shows the events of a `ForwardingTerminal`. Every line names its run, but for a warning, which is shown once for
    all runs that give it.

    stage: where progress is shown; by default on the terminal.
    """

    def __init__(self, name: str, terminal: Terminal, stage: Stage | None = None):
        self.name = name
        self._terminal = terminal
        self._stage = stage or (lambda description, unit: terminal.progress(f"{name}: {description}", unit))
        self._open = contextlib.ExitStack()
        self._advance: Advance = lambda *_, **__: None

    def show(self, event: tuple[Any, ...]) -> None:
        """Shows one event."""
        match event:
            case "say", message:
                self._terminal.say(f"{self.name}: {message}")
            case "warn", message:
                self._terminal.warn(message)
            case "fail", message:
                self._terminal.fail(f"{self.name}: {message}")
            case "stage", description, unit:
                self._advance = self._open.enter_context(self._stage(description, unit))
            case "advance", done, total, fields:
                self._advance(done, total, **fields)
            case ("end of stage",):
                self.close()

    def close(self) -> None:
        """Ends the stage under way, if there is one: the run has ended, or its process has."""
        self._open.close()

    def say_failed(self) -> None:
        """Says that the run has failed, and that those beside it continue; its error is printed at the end."""
        self._terminal.say(f"{self.name}: failed; the other runs continue")


def raise_errors(errors: Sequence[ReversalError | WorkerError]) -> None:
    """Prints all errors but the last, which is raised; nothing if there is none."""
    for error in errors[:-1]:
        error_line(str(error))
    if errors:
        raise errors[-1]
