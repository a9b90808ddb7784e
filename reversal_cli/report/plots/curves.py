"""Accuracy during training: a panel per subtask, a line per run; for many runs a row per run."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.metric_names import metric_axis, metric_title
from reversal_cli.report.plots.curve_points import Point, curve_points
from reversal_cli.report.plots.curve_rows import curve_rows_figure
from reversal_cli.report.plots.style import (
    COLOURS,
    LEGEND_LINE,
    LINE_CHARACTERS,
    LINES,
    MARKERS,
    group_names,
    legend_columns,
    new_figure,
    titled,
)
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import GROUP, in_order
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.statistics.estimate import SHORT_UNITS

HEIGHT = 2.4
"""Height of the figure in inches, without its legend."""
Curves = Mapping[tuple[str, str], Mapping[str, list[Point]]]
"""(digest, dataset) -> subtask -> points."""


def curve_figure(part: pd.DataFrame, runs: dict[tuple[str, str], RunDirectory], metric: str) -> Figure | None:
    """The figure for the runs on one dataset; None if no run evaluated `metric` during training."""
    identities = in_order(part[part["row"] == RUN]).drop_duplicates(["digest", "dataset"])
    curves = {
        key: curve_points(runs[key], metric) for key in zip(identities["digest"], identities["dataset"], strict=True)
    }
    with_curve = identities[[bool(curve) for curve in curves.values()]]
    if with_curve.empty:
        return None
    names = group_names(identities)  # of all runs, so that each has the same colour as its bar
    title = titled(f"{metric_title(metric)} along training", with_curve)
    if len(names) > len(COLOURS):
        return curve_rows_figure(_row_names(with_curve, names), [curve for curve in curves.values() if curve], title)
    return _lines_figure(with_curve, curves, names, title, metric_axis(metric))


def _row_names(runs: pd.DataFrame, names: Mapping[tuple[str, ...], str]) -> list[str]:
    """The name of each run's group, with the seed if the group has several."""
    several = runs.duplicated(GROUP, keep=False)
    groups = runs[GROUP].itertuples(index=False, name=None)
    return [
        f"{names[group]}, seed {seed}" if of_several else names[group]
        for group, seed, of_several in zip(groups, runs["seed"], several, strict=True)
    ]


def _lines_figure(
    runs: pd.DataFrame, curves: Curves, names: Mapping[tuple[str, ...], str], title: str, axis: str
) -> Figure:
    labelled: set[tuple[str, ...]] = set()
    columns = legend_columns(names.values(), LINE_CHARACTERS)
    figure = new_figure(HEIGHT + LEGEND_LINE * -(-len(names) // columns))
    panels = dict(zip(SUBTASKS, figure.subplots(1, len(SUBTASKS), sharex=True, sharey=True), strict=True))
    for line in runs.itertuples():
        group = tuple(getattr(line, column) for column in GROUP)
        index = list(names).index(group)
        style = {"linestyle": LINES[index % len(LINES)], "marker": MARKERS[index], "color": COLOURS[index]}
        for subtask, points in curves[line.digest, line.dataset].items():
            if not points:
                continue
            label = None if group in labelled else names[group]
            labelled.add(group)
            epochs, means, lows, highs, *_ = zip(*points, strict=True)
            panels[subtask].plot(epochs, means, label=label, linewidth=1.2, markersize=3, clip_on=False, **style)
            panels[subtask].fill_between(epochs, lows, highs, color=COLOURS[index], alpha=0.15, linewidth=0)
    _finish(figure, panels, title, axis, _units(curves), columns)
    return figure


def _units(curves: Curves) -> str:
    points = (point for curve in curves.values() for points in curve.values() for point in points)
    return " or ".join(SHORT_UNITS[unit] for unit in dict.fromkeys(point.unit for point in points))


def _finish(figure: Figure, panels: dict[str, Axes], title: str, axis: str, units: str, columns: int) -> None:
    for subtask, axes in panels.items():
        axes.set_title(subtask, fontsize=8, fontweight="normal")
        axes.set_xlabel("epoch")
        axes.grid(linewidth=0.4, color="#dddddd")
        axes.xaxis.get_major_locator().set_params(integer=True)
    first = next(iter(panels.values()))
    first.set_ylabel(axis)
    first.set_ylim(0, 100)
    first.set_xlim(left=0)
    caption = f"on validation templates; bands: 95 % interval over {units}"
    figure.legend(loc="outside lower center", ncols=columns, handlelength=3, title=caption, title_fontsize=6)
    figure.suptitle(title, fontsize=9, fontweight="bold", x=0.01, ha="left")
