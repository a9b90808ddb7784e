"""Accuracy during training of many runs: a row per run, a panel per subtask; darker cells are higher.

A column is an epoch that was evaluated; where a training ended within an epoch, it is that one.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.plots.curve_points import Point
from reversal_cli.report.plots.style import SCALE, put_title, row_panels

MOST_LABELLED = 10
"""Columns with a label each; of more, the first, the middle and the last have one."""
Curves = Sequence[Mapping[str, Sequence[Point]]]


def curve_rows_figure(names: Sequence[str], curves: Curves, title: str) -> Figure:
    """The figure; names and curves (subtask -> points) have one entry per row."""
    figure, panels = row_panels(names, bottom=0.65)
    epochs = sorted({math.ceil(point.epoch) for curve in curves for points in curve.values() for point in points})
    for subtask, axes in zip(SUBTASKS, panels, strict=True):
        _draw_subtask(axes, [curve[subtask] for curve in curves], epochs)
        axes.set_title(subtask, fontsize=8, fontweight="normal")
        axes.set_xlabel("evaluated epoch")
    put_title(figure, title)
    handles = [Patch(facecolor=colour, edgecolor="black", linewidth=0.4) for colour in SCALE]
    labels = ["0 %", "100 % on validation templates; empty: not evaluated"]
    figure.legend(handles, labels, loc="lower center", ncols=2)
    return figure


def _draw_subtask(axes: Axes, rows: Sequence[Sequence[Point]], epochs: Sequence[int]) -> None:
    grid = np.full((len(rows), len(epochs)), np.nan)
    for row, points in enumerate(rows):
        for point in points:
            grid[row, epochs.index(math.ceil(point.epoch))] = point.mean
    colours = LinearSegmentedColormap.from_list("accuracy", SCALE)
    axes.imshow(np.ma.masked_invalid(grid), cmap=colours, vmin=0, vmax=100, aspect="auto", interpolation="none")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.hlines(np.arange(0.5, len(rows) - 1), -0.5, len(epochs) - 0.5, color="white", linewidth=0.6)
    few = len(epochs) <= MOST_LABELLED
    ticks = range(len(epochs)) if few else sorted({0, (len(epochs) - 1) // 2, len(epochs) - 1})
    axes.set_xticks(ticks, [str(epochs[index]) for index in ticks])
