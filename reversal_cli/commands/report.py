"""`reversal report`: finished runs to tables and plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reversal_cli.commands.options import (
    RESULTS,
    Json,
    Quiet,
    Require,
    no_file,
    refuse_unknown_format,
    refuse_without_effect,
)
from reversal_cli.console import Terminal

if TYPE_CHECKING:
    from reversal_cli.report import ReportTable, Results
    from reversal_cli.report.page import PagePredictions

FORMATS = ("table", "md", "csv", "latex", "json")
EVERY_METRIC = ("csv", "json")
"""Formats that print the values of every metric instead of the tables."""
DEFAULT_METRIC = "contains"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report prints and writes."""

    tables: bool = False
    """Write accuracy.md and accuracy.csv."""
    form: str = "table"
    metric: str = DEFAULT_METRIC
    all_tables: bool = False
    """Print every table in the terminal; the other formats and accuracy.md always have all of them."""
    methods: bool = False
    """Print the tables of methods in the terminal too."""
    reference: str | None = None
    """The experiment that methods are compared with; None: NTP."""
    published: bool = False
    plots: bool = False
    html: bool = False
    predictions: bool = True
    """Write the predictions into the page."""


def report(
    results: Annotated[
        list[Path] | None, typer.Argument(metavar="RESULTS", help="Results or run folders.  [default: results]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=no_file,
            help="Write accuracy.md and accuracy.csv there, and the files of --plots and --html.",
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="What is printed: table, md, csv, latex or json.")
    ] = "table",
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="Metric of the accuracy table and of --require; see `reversal list`.")
    ] = DEFAULT_METRIC,
    all_tables: Annotated[
        bool, typer.Option("--all", help="Print every table, not only accuracy, baselines and ranking.")
    ] = False,
    methods: Annotated[
        bool,
        typer.Option(
            "--methods",
            help="Also print the methods: accuracy beside the rows, tokens, labels, FLOPs and time of the training, "
            "and differences over seeds. Files, and the other formats but csv and json, always have these tables.",
        ),
    ] = False,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The experiment that the others of its model are compared with over seeds; implies --methods.  "
            "[default: the NTP run]",
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Add a table of published numbers, with their sources.")
    ] = False,
    plots: Annotated[
        bool,
        typer.Option("--plots", help="Write plots/ with PNG and SVG: bars, accuracy per epoch and token, heat maps."),
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write report.html: tables, plots if --plots, and every prediction.")
    ] = False,
    no_predictions: Annotated[
        bool, typer.Option("--no-predictions", help="Leave the predictions out of report.html: a smaller file.")
    ] = False,
    require: Require = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Print the tables of finished runs.

    Without further options it writes no file. --out writes accuracy.md (the tables) and accuracy.csv (every metric of
    every run); --plots and --html write into --out, or without it into the results folder.
    """
    refuse_unknown_format(form, FORMATS)
    if as_json and form not in ("table", "json"):
        refuse_without_effect(f"--format {form}", "--json prints JSON")
    if no_predictions and not html:
        refuse_without_effect("--no-predictions", "only --html writes predictions")
    printed = "--json" if as_json else f"--format {form}"
    form = "json" if as_json else form
    if form in EVERY_METRIC and not (out or plots or html):
        if published:
            refuse_without_effect("--published", f"{printed} prints the runs' own numbers only")
        for flag, given in (("--methods", methods), ("--reference", reference)):
            if given:
                refuse_without_effect(flag, f"{printed} prints every metric of every run")
        if metric != DEFAULT_METRIC and not require:
            refuse_without_effect("--metric", f"{printed} prints every metric")
    folders = results or [RESULTS]
    target = out or (folders[0] if len(folders) == 1 else RESULTS)
    methods |= reference is not None
    options = ReportOptions(
        tables=out is not None,
        form=form,
        metric=metric,
        all_tables=all_tables,
        methods=methods,
        reference=reference,
        published=published,
        plots=plots,
        html=html,
        predictions=not no_predictions,
    )
    show_report(folders, target, Terminal(quiet), options, require or [])


def show_report(
    folders: Sequence[Path], out: Path, terminal: Terminal, options: ReportOptions, requirements: Sequence[str]
) -> None:
    """Prints the report and writes the files of `options`; exits 1 naming each requirement that is not met."""
    from reversal_cli import report as package

    results = package.load_results(folders)
    failures = package.check_requirements(results.frame, requirements, options.metric, terminal.warn)
    tables = package.accuracy_tables(results.frame, options.metric, options.reference)
    if options.published:
        tables.append(package.published_table())
    try:
        _print(results, tables, terminal, options)
        for note in results.notes:
            terminal.say(note)
    finally:  # also after a pipe that was closed, as by `head`
        _write(results, tables, out, terminal, options)
    for failure in failures:
        terminal.fail(f"not met: {failure}")
    if failures:
        raise typer.Exit(1)
    for requirement in requirements:
        terminal.say(f"met: {requirement}")


def _write(
    results: "Results", tables: Sequence["ReportTable"], out: Path, terminal: Terminal, options: ReportOptions
) -> None:
    """Writes the files of `options`."""
    from reversal_cli import report as package

    if options.tables:
        files = package.write_reports(results.frame, out, tables, results.notes)
        terminal.say(f"wrote {files.markdown} and {files.csv}")
    predictions = _read_predictions(results, terminal, options) if options.plots or options.html else None
    plots: list[Path] = []
    if options.plots:
        from reversal_cli.report.plots import heat_map_note, write_plots

        plots = write_plots(results, out / "plots", options.metric)
        terminal.say(f"wrote {len(plots)} plots as PNG and SVG into {out / 'plots'}")
        if note := heat_map_note(results):
            terminal.say(note)
    if predictions:
        from reversal_cli.report.page import write_page

        figures = [stem.with_name(f"{stem.name}.svg").read_text(encoding="utf-8") for stem in plots]
        terminal.say(f"wrote {write_page(out, tables, predictions, figures, results.notes)}")


def _read_predictions(results: "Results", terminal: Terminal, options: ReportOptions) -> "PagePredictions | None":
    """What the page shows of predictions; None if there will be no page. Says which runs lack some, for plots too."""
    from reversal_cli import report as package
    from reversal_cli.report.page.predictions import collect_predictions

    runs = package.runs_in_table_order(results)
    page = collect_predictions(runs if options.predictions else []) if options.html else None
    if page and options.predictions:
        kept = page.kept
    else:
        kept = [package.read_kept(run) for run in runs] if options.plots else []
    for note in package.lacking_notes(kept):
        terminal.say(note)
    return page


def _print(results: "Results", tables: Sequence["ReportTable"], terminal: Terminal, options: ReportOptions) -> None:
    """Prints the tables in the format of `options`."""
    from reversal_cli import report as package

    if options.form != "table":
        text = {
            "md": lambda: package.markdown(tables, results.notes),
            "csv": lambda: package.csv_text(results.frame),
            "latex": lambda: package.latex(tables),
            "json": lambda: package.json_text(results.frame),
        }
        terminal.write(text[options.form]())
        return
    selection = [
        table for table in tables if options.all_tables or table.main or (options.methods and table.of_methods)
    ]
    for table in package.rich_tables(selection, terminal.width):
        terminal.show(table)
        terminal.show("")
    if len(selection) < len(tables):
        terminal.say(f"{len(tables) - len(selection)} more tables with `reversal report --all`")
