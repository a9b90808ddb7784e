"""Accuracy as grouped bars: a group per subtask, a bar per run or mean of seeds; for many runs as dots."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.interval_methods import interval_units
from reversal_cli.report.metric_names import metric_axis, metric_title
from reversal_cli.report.plots.dots import dot_figure
from reversal_cli.report.plots.legends import CONTROL_MARKERS, FLOOR_LINES, HOLLOW, OPTIONS, add_reference_legend
from reversal_cli.report.plots.style import (
    COLOURS,
    HATCHES,
    LEGEND_LINE,
    group_names,
    legend_columns,
    new_figure,
    titled,
)
from reversal_cli.report.references import FLOORS, RUN
from reversal_cli.report.rows import GROUP, in_order

GROUP_WIDTH = 0.84
"""Share of the distance between two subtasks."""
VALUES_UP_TO = 7
"""The most bars per subtask with values; the values of more would overlap."""
HEIGHT = 3.4
"""Height of the figure in inches, without the legend of its runs."""
GAP_BELOW_VALUE, VALUE_HEIGHT = 1.5, 4.0
"""In percent of the axis."""


def bar_figure(part: pd.DataFrame, metric: str) -> Figure | None:
    """The figure for the lines of one dataset; None if no run has the metric."""
    lines = in_order(part[part["metric"] == metric])
    runs = lines[lines["row"] == RUN]
    if runs.empty:
        return None
    names = group_names(runs)
    if len(names) > len(COLOURS):
        return dot_figure(lines, metric)
    columns = legend_columns(names.values())
    figure = new_figure(HEIGHT + LEGEND_LINE * -(-len(names) // columns))
    axes = figure.add_subplot()
    width = GROUP_WIDTH / len(names)
    for index, (group, name) in enumerate(names.items()):
        offset = (index - (len(names) - 1) / 2) * width
        of_group = lines[(lines[GROUP] == list(group)).all(axis=1)]
        tops = _draw_bars(axes, of_group[of_group["row"] == RUN], offset, width, index, name)
        _draw_controls(axes, of_group, offset)
        if len(names) <= VALUES_UP_TO:
            _write_values(axes, tops, of_group, offset)
    _draw_floors(axes, lines)
    _finish(figure, axes, metric, runs)
    _add_legends(figure, axes, lines, columns)
    return figure


def _draw_bars(
    axes: Axes, runs: pd.DataFrame, offset: float, width: float, index: int, name: str
) -> dict[str, tuple[float, float]]:
    """Bars of one group of runs. Whiskers are the interval of a single seed, or the standard deviation of several.

    Returns subtask -> (mean, top of the whisker) in percent.
    """
    look: dict[str, Any] = {"color": COLOURS[index], "hatch": HATCHES[index], "label": name}
    tops = {}
    for position, subtask in enumerate(SUBTASKS):
        of_subtask = runs[runs["subtask"] == subtask]
        if of_subtask.empty:
            continue
        values, x = 100 * of_subtask["value"], position + offset
        mean, low, high = values.mean(), 100 * of_subtask["low"].iloc[0], 100 * of_subtask["high"].iloc[0]
        if len(values) > 1:
            low, high = max(0, mean - values.std(ddof=1)), min(100, mean + values.std(ddof=1))
            axes.plot([x] * len(values), values, ".", color="black", markersize=3)
        axes.bar(x, mean, 0.92 * width, edgecolor="black", linewidth=0.5, **look)
        axes.errorbar(x, mean, [[mean - low], [high - mean]], color="black", elinewidth=0.7, capsize=1.8, capthick=0.7)
        tops[subtask] = (mean, max(high, values.max()))
        look["label"] = None
    return tops


def _write_values(axes: Axes, tops: dict[str, tuple[float, float]], of_group: pd.DataFrame, offset: float) -> None:
    """Writes each mean in whole percent above its whisker, and above the marker of a control in the same place."""
    markers = of_group[of_group["row"].isin(CONTROL_MARKERS)].groupby(["subtask", "row"])["value"].mean()
    for subtask, (mean, top) in tops.items():
        y = top + GAP_BELOW_VALUE
        for marker in sorted(100 * value for (of, _), value in markers.items() if of == subtask):
            if y - GAP_BELOW_VALUE < marker < y + VALUE_HEIGHT + GAP_BELOW_VALUE:
                y = marker + 2 * GAP_BELOW_VALUE
        axes.text(list(SUBTASKS).index(subtask) + offset, y, whole(mean), ha="center", va="bottom", fontsize=6)


def whole(percent: float) -> str:
    """Half is rounded up, as in the tables: to even, 84.5 would be 84 above a bar and 84.5 in the table.

    >>> whole(84.5), whole(0.4)
    ('85', '0')
    """
    return str(math.floor(round(percent, 6) + 0.5))


def _draw_floors(axes: Axes, lines: pd.DataFrame) -> None:
    """Draws one line across each subtask: floors are the same for every run on the dataset."""
    for row in FLOORS:
        of_row = lines[lines["row"] == row].drop_duplicates("subtask")
        for line in of_row.itertuples():
            middle = list(SUBTASKS).index(line.subtask)
            ends = [middle - GROUP_WIDTH / 2 - 0.04, middle + GROUP_WIDTH / 2 + 0.04]
            axes.plot(ends, [100 * line.value] * 2, FLOOR_LINES[row], color="black", linewidth=0.9, clip_on=False)


def _draw_controls(axes: Axes, lines: pd.DataFrame, offset: float) -> None:
    """Draws hollow markers over the bar of a run, at the mean of its seeds."""
    for row, marker in CONTROL_MARKERS.items():
        means = 100 * lines[lines["row"] == row].groupby("subtask")["value"].mean()
        if means.empty:  # an empty line without clipping counts as a point in the corner and would move the axes
            continue
        positions = [list(SUBTASKS).index(subtask) + offset for subtask in means.index]
        axes.plot(
            positions,
            means,
            linestyle="",
            marker=marker,
            clip_on=False,
            zorder=5,
            **HOLLOW | {"markerfacecolor": "white"},
        )


def _add_legends(figure: Figure, axes: Axes, lines: pd.DataFrame, columns: int) -> None:
    """Adds the legend of the runs above the bars, that of floors and controls below."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=columns, **OPTIONS)
    add_reference_legend(figure, lines)


def _finish(figure: Figure, axes: Axes, metric: str, runs: pd.DataFrame) -> None:
    several = runs.duplicated([*GROUP, "subtask"]).any()
    spread = "; of several seeds: mean, standard deviation, and each seed as a dot" if several else ""
    figure.suptitle(titled(metric_title(metric), runs), fontsize=9, fontweight="bold", x=0.01, ha="left")
    axes.set_xlabel(f"whiskers: 95 % interval over {interval_units(runs)}{spread}", fontsize=6, labelpad=4)
    axes.set_ylabel(metric_axis(metric))
    axes.set_ylim(0, 108)
    axes.set_yticks(range(0, 101, 20))
    axes.spines["left"].set_bounds(0, 100)
    axes.set_xticks(range(len(SUBTASKS)), list(SUBTASKS))
    axes.set_xlim(-0.55, len(SUBTASKS) - 0.45)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", linewidth=0.4, color="#dddddd")
    axes.set_axisbelow(True)
