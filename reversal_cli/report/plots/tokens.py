"""Accuracy against training tokens: a marker and a name per method, a dot per seed, a line for each curve."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, Formatter, NullFormatter

from reversal_cli.report.plots.curve_points import curve_points
from reversal_cli.report.plots.style import COLOURS, LINES, MARKERS, group_names, new_figure, titled
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import GROUP, in_order
from reversal_cli.runs.directory import RunDirectory

SUBTASK = "N2D-reverse"
"""The endpoint of a comparison of methods."""
HEIGHT, AROUND = 3.4, 0.9
"""Inches: least height of the figure, and the part of it above and below the axes."""
NAME_HEIGHT = 0.12
"""Inches between two names."""
MOST_NAMED = len(COLOURS) * len(MARKERS)
"""More methods have no look of their own, so all are grey and none is named."""
Runs = Mapping[tuple[str, str], RunDirectory]


class Line(NamedTuple):
    """A training from its first evaluation to its end."""

    tokens: list[float]
    accuracy: list[float]
    """In percent, on validation prompts."""


def token_figure(part: pd.DataFrame, runs: Runs, metric: str) -> Figure | None:
    """The figure for the lines of one benchmark; None if no run with the metric says how many tokens it read."""
    lines = in_order(part[(part["row"] == RUN) & (part["metric"] == metric) & (part["subtask"] == SUBTASK)])
    counted = lines[lines["tokens"].fillna(0) > 0]
    if counted.empty:
        return None
    names = group_names(lines)  # of all runs, so that each has the same colour as its bar
    shown = counted[GROUP].drop_duplicates().itertuples(index=False, name=None)
    looks = {group: _look(list(names).index(group), len(names)) for group in shown}
    named = len(names) <= MOST_NAMED
    height = max(HEIGHT, AROUND + NAME_HEIGHT * len(looks) * named)
    figure = new_figure(height)
    axes = figure.add_subplot()
    curves = False
    ends = {}
    for group, look in looks.items():
        of_group = counted[(counted[GROUP] == list(group)).all(axis=1)]
        curves |= _draw_lines(axes, of_group, runs, metric, look)
        ends[group] = _draw_points(axes, of_group, look)
    caption = "large: on test prompts"
    caption += ", mean of seeds; dots: each seed" if counted.duplicated(GROUP).any() else ""
    caption += "; lines: along training, on validation prompts" if curves else ""
    _finish(figure, axes, titled(f"{SUBTASK} ({metric}) against training tokens", lines), caption)
    if named:
        gap = 100 * NAME_HEIGHT / (height - AROUND)
        for (group, end), y in zip(ends.items(), spread([end[1] for end in ends.values()], gap), strict=True):
            _write_name(axes, f"{names[group]}  {end[1]:.1f}", end, y, looks[group]["color"])
    return figure


def _look(index: int, methods: int) -> dict[str, Any]:
    """Colour, marker and line: the colours of the bars, then the same with other markers and lines."""
    if methods > MOST_NAMED:
        index = 0
    again, colour = divmod(index, len(COLOURS))
    marker, line = MARKERS[(colour + again) % len(MARKERS)], LINES[again % len(LINES)]
    return {"color": COLOURS[colour], "marker": marker, "linestyle": line}


def _draw_points(axes: Axes, runs: pd.DataFrame, look: dict[str, Any]) -> tuple[float, float]:
    """Draws the mean of the seeds and, of several, each as a dot. Tokens and accuracy of the mean."""
    tokens, accuracy = runs["tokens"].astype(float), 100 * runs["value"]
    if len(runs) > 1:
        axes.plot(tokens, accuracy, ".", color="black", markersize=3, clip_on=False, zorder=5)
    style = {"linestyle": "", "markersize": 6, "markeredgecolor": "black", "markeredgewidth": 0.5}
    axes.plot([tokens.mean()], [accuracy.mean()], clip_on=False, zorder=4, **look | style)
    return float(tokens.mean()), float(accuracy.mean())


def spread(heights: Sequence[float], gap: float, top: float = 100.0) -> list[float]:
    """Where names stand that belong at `heights`: in the same order, `gap` or more apart, and none above `top`."""
    order = sorted(range(len(heights)), key=lambda i: (heights[i], -i))  # of two alike, the first stands above
    places = dict(enumerate(heights))
    for lower, upper in itertools.pairwise(order):
        places[upper] = max(places[upper], places[lower] + gap)
    limit = top
    for i in reversed(order):
        places[i] = min(places[i], limit)
        limit = places[i] - gap
    return [places[i] for i in range(len(heights))]


def _write_name(axes: Axes, name: str, end: tuple[float, float], y: float, colour: str) -> None:
    """Beside the axes, with a line to where it belongs."""
    line = {"arrowstyle": "-", "color": colour, "linestyle": ":", "linewidth": 0.7, "relpos": (0, 0.5), "shrinkB": 4}
    axes.annotate(name, end, (1.06, y / 100), "data", "axes fraction", line, fontsize=6, va="center")


def _draw_lines(axes: Axes, of_group: pd.DataFrame, runs: Runs, metric: str, look: dict[str, Any]) -> bool:
    """Draws the curve of each training that has one; whether there is any."""
    curves = [training_line(runs[key], metric) for key in zip(of_group["digest"], of_group["dataset"], strict=True)]
    for curve in filter(None, curves):
        style = {"linewidth": 1, "alpha": 0.7, "markersize": 2.5, "markeredgewidth": 0.5}
        axes.plot(curve.tokens, curve.accuracy, clip_on=False, zorder=2, **look | style)
    return any(curves)


def training_line(run: RunDirectory, metric: str) -> Line | None:
    """The curve of a run over the tokens that it had read, in proportion to its steps; None if it has none."""
    training = run.manifest.training
    points = curve_points(run, metric).get(SUBTASK)
    if not points or training is None or not training.tokens or not training.steps:
        return None
    per_step = training.tokens / training.steps
    return Line([per_step * point.step for point in points], [point.mean for point in points])


def _finish(figure: Figure, axes: Axes, title: str, caption: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(_minor_labels(*axes.get_xlim()))
    axes.tick_params(axis="x", which="both", labelsize=6)
    axes.set_xlabel(f"training tokens, as the objective lays the rows out ({caption})", fontsize=6)
    axes.set_ylabel("accuracy, %")
    axes.set_ylim(0, 100)
    axes.grid(which="both", linewidth=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    figure.suptitle(title, fontsize=9, fontweight="bold", x=0.01, ha="left")


def _minor_labels(least: float, most: float) -> Formatter:
    """Labels between the powers of ten: none where there are several powers, which say enough."""
    return EngFormatter(sep="") if most < 10 * least else NullFormatter()
