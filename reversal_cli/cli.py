"""The command line: its commands, and the one line that a mistake prints.

Only typer and rich are imported here and in `commands`; what a command needs it imports itself, so that `--help` is
quick.
"""

import difflib
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

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
from reversal_cli.console import Terminal, error_line
from reversal_cli.errors import LONGEST_NAME, ReversalError, WorkerError
from reversal_cli.files.storage import storage_line
from reversal_cli.streams import BROKEN_PIPE, PipeClosedError, prepare_streams, writing_to_stdout

WORKER_LOST = 1
USER_ERROR = 2
INTERRUPTED = 130

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
    line), 130 (Ctrl-C), 141 (stdout was closed)."""
    prepare_streams()
    code = _run(arguments)
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


def _run(arguments: Sequence[str]) -> int:
    try:
        code = app(args=list(arguments), prog_name="reversal", standalone_mode=False) or 0
    except ReversalError as error:
        error_line(str(error))
        return USER_ERROR
    except UsageError as error:
        error_line(_usage_line(error, arguments))
        return USER_ERROR
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as error:
        line = storage_line(error)
        if line is None:
            raise
        error_line(line)
        return USER_ERROR
    except WorkerError as error:
        error_line(str(error))
        return WORKER_LOST
    except typer.Abort as abort:
        # Typer takes the end of any file for Ctrl-D at a prompt. There is no prompt here, so a file was cut off.
        if isinstance(abort.__cause__, EOFError):
            raise abort.__cause__ from None
        code = INTERRUPTED
    except PipeClosedError:
        return BROKEN_PIPE
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        Terminal().say("interrupted; what was finished is kept, run the same command again to continue")
    return code


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
