"""Accuracy of many runs as dots with whiskers: a row per run or mean of seeds, a panel per subtask."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.interval_methods import interval_units
from reversal_cli.report.metric_names import metric_axis, metric_title
from reversal_cli.report.plots.legends import CONTROL_MARKERS, FLOOR_LINES, HOLLOW, add_reference_legend
from reversal_cli.report.plots.style import FORWARD, REVERSED, group_names, put_title, row_panels, titled
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import GROUP

ROW = "group_row"
SMALL = {"markersize": 3, "markerfacecolor": "none"}


def dot_figure(lines: pd.DataFrame, metric: str) -> Figure:
    """The figure for `lines` of one dataset and metric, in the order of the rows."""
    runs = lines[lines["row"] == RUN]
    names = group_names(runs)
    rows = pd.Series(range(len(names)), index=pd.MultiIndex.from_tuples(names, names=GROUP), name=ROW)
    lines_with_row = lines.join(rows, on=GROUP)
    figure, panels = row_panels(list(names.values()), bottom=0.75)
    for subtask, axes in zip(SUBTASKS, panels, strict=True):
        _draw_subtask(axes, lines_with_row[lines_with_row["subtask"] == subtask], subtask)
    several = runs.duplicated([*GROUP, "subtask"]).any()
    spread = "; of several seeds: mean and standard deviation" if several else ""
    put_title(figure, titled(metric_title(metric), runs))
    caption = f"{metric_axis(metric)}; whiskers: 95 % interval over {interval_units(runs)}{spread}"
    figure.text(0.5, 0.38 / figure.get_figheight(), caption, fontsize=6, ha="center")
    add_reference_legend(figure, lines, "lower center")
    return figure


def _draw_subtask(axes: Axes, lines: pd.DataFrame, subtask: str) -> None:
    estimates = _estimates(lines[lines["row"] == RUN])
    mean, low, high = (estimates[column].to_numpy() for column in ("mean", "low", "high"))
    colour = REVERSED if subtask.endswith("-reverse") else FORWARD
    axes.hlines(estimates.index, low, high, color=colour, linewidth=1)
    axes.plot(mean, estimates.index, "o", color=colour, markersize=3.5, clip_on=False)
    for row, style in FLOOR_LINES.items():
        floor = lines[lines["row"] == row]["value"]
        if not floor.empty:
            axes.axvline(100 * floor.iloc[0], linestyle=style, color="black", linewidth=0.7)
    for row, marker in CONTROL_MARKERS.items():
        means = 100 * lines[lines["row"] == row].groupby(ROW)["value"].mean()
        axes.plot(
            means,
            means.index,
            linestyle="",
            marker=marker,
            clip_on=False,
            **HOLLOW | SMALL,
        )
    axes.set_title(subtask, fontsize=8, fontweight="normal")
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 50))
    axes.grid(axis="x", linewidth=0.4, color="#dddddd")


def _estimates(runs: pd.DataFrame) -> pd.DataFrame:
    """Row -> mean, low, high in percent: the interval of a single seed, or the standard deviation of several."""
    by_row = runs.groupby(ROW)
    spread = by_row["value"].std(ddof=1)
    mean = by_row["value"].mean()
    alone = by_row.size() == 1
    low = np.where(alone, by_row["low"].first(), (mean - spread).clip(lower=0))
    high = np.where(alone, by_row["high"].first(), (mean + spread).clip(upper=1))
    return 100 * pd.DataFrame({"mean": mean, "low": low, "high": high})
