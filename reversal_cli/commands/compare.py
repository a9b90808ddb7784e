"""`reversal compare`: is one run better than another?"""

from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.commands.options import (
    Json,
    Quiet,
    refuse_unknown_format,
    refuse_unknown_intervals,
    refuse_without_effect,
)
from reversal_cli.console import Terminal
from reversal_cli.statistics.interval_units import UNITS

FORMATS = ("table", "md", "csv", "json")


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Run folder to compare with.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Run folder; differences are B - A.")],
    metric: Annotated[str, typer.Option(metavar="NAME", help="Any metric of the predictions.")] = "contains",
    intervals: Annotated[
        str, typer.Option(metavar="NAME", help="What intervals are over: entities-and-templates, or entities.")
    ] = UNITS[0],
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="What is printed: table, md, csv or json.")
    ] = "table",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare two evaluated runs prompt by prompt.

    Prints differences with intervals, significance tests, and the smallest difference that the data could have shown.
    Exits 0 whatever the difference is.
    """
    refuse_unknown_format(form, FORMATS)
    if as_json and form not in ("table", "json"):
        refuse_without_effect(f"--format {form}", "--json prints JSON")
    refuse_unknown_intervals(intervals)
    from reversal_cli.report import comparison as statistics
    from reversal_cli.report import rich_tables

    terminal = Terminal(quiet)
    comparison = statistics.compare_runs(run_a, run_b, metric, intervals)  # type: ignore[arg-type]  # refused above
    if as_json or form == "json":
        terminal.write(statistics.json_text(comparison))
    elif form != "table":
        text = {"md": statistics.markdown, "csv": statistics.csv_text}
        terminal.write(text[form](comparison))
    else:
        for table in rich_tables(statistics.comparison_tables(comparison), terminal.width):
            terminal.show(table)
            terminal.show("")
        from rich.text import Text

        terminal.show(Text("\n".join(statistics.sentences(comparison))))  # as text, it wraps at words
    for note in comparison.notes:
        terminal.say(f"note: {note}")
