"""The command line: its commands, and the one line that a mistake prints.

Only typer and rich are imported here and in `commands`; what a command needs it imports itself, so that `--help` is
quick.
"""

import difflib
import re
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import typer

from reversal_cli import __version__
from reversal_cli.commands.bench import bench
from reversal_cli.commands.compare import compare
from reversal_cli.commands.evaluate import evaluate
from reversal_cli.commands.export import export
from reversal_cli.commands.finetune import finetune
from reversal_cli.commands.generate import generate
from reversal_cli.commands.listing import list_names
from reversal_cli.commands.pretrain import pretrain
from reversal_cli.commands.report import report
from reversal_cli.commands.run import run
from reversal_cli.console import Terminal, error_line, error_text, print_line
from reversal_cli.errors import LONGEST_NAME, ReversalError, WorkerError
from reversal_cli.files.storage import storage_line
from reversal_cli.interruption import Interruption, ended_by_sigterm
from reversal_cli.processes.place import place, speaks
from reversal_cli.processes.together import joined
from reversal_cli.streams import BROKEN_PIPE, PipeClosedError, prepare_streams, writing_to_stdout

WORKER_LOST = 1
USER_ERROR = 2
INTERRUPTED = 130

IN_SEVERAL_PROCESSES = ("finetune", "eval")
"""Commands that torchrun may start."""

UsageError: Any = typer.BadParameter.__base__
"""Typer's own class for a wrong command line; it has no public name."""

UNKNOWN_OPTION = re.compile(r"No such option: (\S+)")

app = typer.Typer(
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def reversal(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Measure and mitigate the reversal curse: a model fine-tuned on "A is B" cannot answer "B is A".

    Start with: reversal run experiments/quickstart.toml
    """
    if version:
        Terminal().write(f"reversal {__version__}")
    elif context.invoked_subcommand is None:
        Terminal().write(context.get_help())
    elif context.invoked_subcommand not in IN_SEVERAL_PROCESSES:
        _refuse_several_processes(context.invoked_subcommand)


app.command("generate")(generate)
app.command("pretrain")(pretrain)
app.command("finetune")(finetune)
app.command("eval")(evaluate)
app.command("report")(report)
app.command("compare")(compare)
app.command("run")(run)
app.command("bench")(bench)
app.command("export")(export)
app.command("list")(list_names)


def main(arguments: Sequence[str]) -> int:
    """Runs a command line and returns its exit code: 0, 1 (a check failed, or a worker was killed), 2 (a mistake, one
    line), 130 (Ctrl-C), 141 (stdout was closed), 143 (SIGTERM)."""
    prepare_streams()
    shared = bool(arguments) and arguments[0] in IN_SEVERAL_PROCESSES
    code, line = _run_together(arguments) if shared else _run_alone(arguments)
    if line:
        print_line(line)
    try:
        with writing_to_stdout():
            pass  # flushes the buffer
    except PipeClosedError:
        return BROKEN_PIPE
    except ReversalError as error:
        if code == 0:
            error_line(str(error))
        return code or USER_ERROR
    return code


class Ending(NamedTuple):
    """How a command ends."""

    code: int
    line: str = ""
    """The last line on stderr; "" is not printed."""


def _run_together(arguments: Sequence[str]) -> Ending:
    """A command that several processes may share."""
    try:
        place()
    except ReversalError as error:
        return _mistake(str(error)) if speaks() else Ending(USER_ERROR)
    try:
        with joined() as end_all:
            ending = _run(arguments)
            if ending.code:
                end_all(*ending)
    except ReversalError as error:
        return _mistake(str(error))
    return ending


def _run_alone(arguments: Sequence[str]) -> Ending:
    """Any other command, which several processes are told once."""
    ending = _run(arguments)
    return ending if speaks() else ending._replace(line="")


def _run(arguments: Sequence[str]) -> Ending:
    try:
        with ended_by_sigterm():
            code = app(args=list(arguments), prog_name="reversal", standalone_mode=False) or 0
    except ReversalError as error:
        return _mistake(str(error))
    except UsageError as error:
        return _mistake(_usage_line(error, arguments))
    except BrokenPipeError:
        return Ending(BROKEN_PIPE)
    except OSError as error:
        line = storage_line(error)
        if line is None:
            raise
        return _mistake(line)
    except WorkerError as error:
        return Ending(WORKER_LOST, error_text(str(error)))
    except typer.Abort as abort:
        # Typer takes the end of any file for Ctrl-D at a prompt. There is no prompt here, so a file was cut off.
        if isinstance(abort.__cause__, EOFError):
            raise abort.__cause__ from None
        code = INTERRUPTED
    except PipeClosedError:
        return Ending(BROKEN_PIPE)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Interruption as interruption:
        return Ending(interruption.exit_code, str(interruption))
    return Ending(code, str(Interruption(signal.SIGINT)) if code == INTERRUPTED else "")


def _mistake(message: str) -> Ending:
    return Ending(USER_ERROR, error_text(message))


def _refuse_several_processes(command: str) -> None:
    """Raises ReversalError under torchrun."""
    processes = place().processes
    if processes > 1:
        hint = "; its runs go side by side with --workers" if command == "run" else ""
        raise ReversalError(
            f"WORLD_SIZE: found {processes} processes for `reversal {command}`; expected one (only "
            f"{' and '.join(IN_SEVERAL_PROCESSES)} share their work); start it without torchrun{hint}"
        )


def _usage_line(error: Any, arguments: Sequence[str]) -> str:
    command = error.ctx.command_path if error.ctx else "reversal"
    message = error.format_message()
    if unknown := UNKNOWN_OPTION.match(message):
        message = unknown[0] + _nearest_option(unknown[1], error.ctx.command, arguments)
    return f"{message.rstrip('.?').replace('Input should be', 'expected')}; see `{command} --help`"


def _nearest_option(flag: str, command: Any, arguments: Sequence[str]) -> str:
    """`; did you mean '--epochs'` for `--epoch`, and for `-epochs`, of which typer reports the first letter only."""
    if not flag.startswith("--"):
        flag = next((f"-{word}" for word in arguments if word.startswith(flag) and len(word) > len(flag)), flag)
    known = [name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)]
    close = difflib.get_close_matches(flag.partition("=")[0][:LONGEST_NAME], known, n=1)
    return f"; did you mean '{close[0]}'" if close else ""


def entry_point() -> None:
    """The `reversal` command."""
    sys.exit(main(sys.argv[1:]))
