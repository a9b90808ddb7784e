"""Figures of finished runs as PNG and SVG: bars of accuracy, accuracy per epoch and per token, heat maps of entities.

The same runs give the same bytes: no date, and no random ids in the SVG.
"""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.frame import Results
from reversal_cli.report.plots.bars import bar_figure
from reversal_cli.report.plots.curves import curve_figure
from reversal_cli.report.plots.heatmap import heatmap_figure
from reversal_cli.report.plots.style import figure_style, save
from reversal_cli.report.plots.tokens import token_figure
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import in_order
from reversal_cli.runs.directory import RunDirectory

MOST_HEAT_MAPS = 8
"""The most runs with a heat map in one report."""


def write_plots(results: Results, folder: Path, metric: str) -> list[Path]:
    """Writes bars and curves per dataset, accuracy against tokens per benchmark, and a heat map per run with
    predictions; returns the stems of the files."""
    stems = []
    with figure_style():
        for stem, figure in _figures(results, metric):
            if figure is not None:
                stems.append(save(figure, folder / stem))
    return stems


def heat_map_note(results: Results) -> str:
    """A note on runs that keep predictions and have no heat map; empty if there are none."""
    count = sum(map(_can_be_drawn, results.runs.values()))
    if count <= MOST_HEAT_MAPS:
        return ""
    return (
        f"heat maps of entities: drawn for the first {MOST_HEAT_MAPS} of {count} runs; "
        "`reversal report RUN --plots` draws that of one run"
    )


def _can_be_drawn(run: RunDirectory) -> bool:
    return all(run.predictions_path(subtask).is_file() for subtask in SUBTASKS)


def _figures(results: Results, metric: str) -> Iterator[tuple[str, Figure | None]]:
    """Yields stem and figure one by one: hundreds of figures would fill the memory."""
    several = results.frame["dataset"].nunique() > 1
    stems: set[str] = set()
    benchmarks: set[str] = set()
    for dataset, part in results.frame.groupby("dataset", sort=False):
        suffix = f"-{dataset}" if several else ""
        yield f"accuracy{suffix}", bar_figure(part, metric)
        yield f"epochs{suffix}", curve_figure(part, results.runs, metric)
        for benchmark in part[~part["benchmark"].isin(benchmarks)]["benchmark"].unique():
            benchmarks.add(benchmark)
            yield _token_figure(results, benchmark, metric)
        runs = in_order(part[part["row"] == RUN]).groupby(["digest", "dataset"], sort=False)
        drawable = [(key, of_run) for key, of_run in runs if _can_be_drawn(results.runs[key])]
        for (digest, _), of_run in drawable[: MOST_HEAT_MAPS - len(stems)]:
            first = of_run.iloc[0]
            stem = f"entities-{first['experiment'].replace('/', '-')}-seed-{first['seed']}{suffix}"
            stem = f"{stem}-{digest}" if stem in stems else stem
            stems.add(stem)
            yield stem, heatmap_figure(of_run, results.runs[digest, dataset], metric)


def _token_figure(results: Results, benchmark: str, metric: str) -> tuple[str, Figure | None]:
    """Stem and figure. Seeds with a benchmark of their own are in one."""
    part = results.frame[results.frame["benchmark"] == benchmark]
    suffix = f"-{benchmark}" if results.frame["benchmark"].nunique() > 1 else ""
    return f"tokens{suffix}", token_figure(part.assign(recipe=part["method"]), results.runs, metric)
