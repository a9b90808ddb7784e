"""`reversal bench`: how fast this machine trains and evaluates."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reversal_cli.commands.options import PRESET, Device, Json, Quiet, no_file
from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError
from reversal_cli.spec.field_docs import field_help

if TYPE_CHECKING:
    from reversal_cli.bench.results import BenchResult

JSON_FILE, MARKDOWN_FILE = "bench.json", "bench.md"


def bench(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A preset, a checkpoint folder, a GGUF file or a hub id. Repeatable.  [default: tiny-llama, tiny-glm]",
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="ntp, bico or abi. Repeatable.  [default: all that fit the model]"),
    ] = None,
    batch_size: Annotated[
        list[int] | None,
        typer.Option(
            min=1, metavar="N", help=f"Rows per training step. Repeatable.  [default: {PRESET}, which trains with it]"
        ),
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help=field_help("training.dtype"))] = None,
    device: Device = None,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Timed training steps of each case.")] = 20,
    peers: Annotated[
        bool,
        typer.Option("--peers", help="Also time other tools on the same rows and prompts, in turns with this one."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=no_file,
            help=f"Where to write {JSON_FILE} and {MARKDOWN_FILE}.  [default: nothing is written]",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure how fast this machine trains and evaluates.

    Each model with each objective, on a generated benchmark of 30 entities: rows and tokens per second, padding, the
    parts of a training step, its share of the fastest matrix product, memory, prompts and ranked candidates per second.
    The speeds are kept in the user's cache, for the estimates of `reversal run --dry-run`.
    """
    from reversal_cli.bench.cases import DEFAULT_MODELS, BenchOptions, cases

    if out is not None and (out / JSON_FILE).exists():
        raise ReversalError(f"{out}: has a {JSON_FILE}; expected a folder without one; choose another --out")
    options = BenchOptions(
        models=tuple(model or DEFAULT_MODELS),
        objectives=tuple(objective or ()),
        batch_sizes=tuple(batch_size or (None,)),
        dtype=dtype,
        device=device,
        steps=steps,
        peers=peers,
    )
    specs = cases(options)
    terminal = Terminal(quiet)
    from reversal_cli.bench.bench import measure_all

    terminal.silence_libraries()
    result = measure_all(specs, options, terminal.say)
    keep(result, terminal)
    if out is not None:
        write_files(result, out)
        terminal.say(f"wrote {JSON_FILE} and {MARKDOWN_FILE} to {out}")
    if as_json:
        terminal.write(json_text(result))
    else:
        show(result, terminal)


def keep(result: "BenchResult", terminal: Terminal) -> None:
    """Keeps the speeds for `reversal run --dry-run`; a folder that cannot be written is a warning."""
    from reversal_cli.bench.speeds import keep_speeds
    from reversal_cli.files.storage import storage_line

    try:
        terminal.say(f"kept for the estimates of `reversal run --dry-run`: {keep_speeds(result.speeds())}")
    except OSError as error:
        line = storage_line(error)
        if line is None:
            raise
        terminal.warn(f"not kept for `reversal run --dry-run`: {line}")


def json_text(result: "BenchResult") -> str:
    """The content of bench.json."""
    return json.dumps(result.content(), indent=2, sort_keys=True, allow_nan=False) + "\n"


def write_files(result: "BenchResult", folder: Path) -> None:
    """Writes bench.md, then bench.json."""
    from reversal_cli.bench.table import bench_markdown
    from reversal_cli.files.writing import write_text

    write_text(folder / MARKDOWN_FILE, bench_markdown(result))
    write_text(folder / JSON_FILE, json_text(result))


def show(result: "BenchResult", terminal: Terminal) -> None:
    """Prints the tables."""
    from reversal_cli.bench.table import bench_tables
    from reversal_cli.report import rich_tables

    for table in rich_tables(bench_tables(result), terminal.width):
        terminal.show(table)
        terminal.show("")
