"""`reversal report`: finished runs to tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.commands.options import RESULTS, Quiet, Require
from reversal_cli.console import Terminal
from reversal_cli.errors import unknown_name

FORMATS = ("table", "md", "csv", "json")


def report(
    results: Annotated[
        list[Path] | None, typer.Argument(metavar="RESULTS", help="Results or run folders.  [default: results]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where accuracy.md and accuracy.csv go.  [default: the results folder]"),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="What is printed: table, md, csv or json.")
    ] = "table",
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="Metric of the accuracy table and of --require; see `reversal list`.")
    ] = "contains",
    require: Require = None,
    quiet: Quiet = False,
) -> None:
    """Print and write the tables of finished runs.

    Writes accuracy.md (the tables) and accuracy.csv (every metric of every run).
    """
    if form not in FORMATS:
        raise unknown_name("--format", "format", form, FORMATS)
    folders = results or [RESULTS]
    target = out or (folders[0] if len(folders) == 1 else RESULTS)
    show_report(folders, target, Terminal(quiet), form, metric, require or [])


def show_report(
    folders: Sequence[Path], out: Path, terminal: Terminal, form: str, metric: str, requirements: Sequence[str]
) -> None:
    """Prints and writes the report; exits 1 naming each requirement that is not met."""
    from reversal_cli import report as tables

    frame, notes = tables.load_results(folders)
    failures = tables.check_requirements(frame, requirements, metric)
    accuracy = tables.accuracy_tables(frame, metric)
    written = tables.write_reports(frame, out, metric, notes)
    if form == "table":
        for table in accuracy:
            terminal.show(tables.rich_table(table, terminal.width))
    else:
        text = {
            "md": lambda: tables.markdown(accuracy, notes),
            "csv": lambda: tables.csv_text(frame),
            "json": lambda: tables.json_text(frame),
        }
        terminal.write(text[form]())
    for note in notes:
        terminal.say(note)
    terminal.say(f"wrote {written.markdown} and {written.csv}")
    for failure in failures:
        terminal.fail(f"not met: {failure}")
    if failures:
        raise typer.Exit(1)
