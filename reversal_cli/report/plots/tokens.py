"""Accuracy against training tokens: a marker and a name per method, a dot per seed, a line for its mean curve."""

import itertools
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, Formatter, NullFormatter

from reversal_cli.report.metric_names import metric_axis
from reversal_cli.report.plots.curve_points import curve_points
from reversal_cli.report.plots.style import COLOURS, LINES, MARKERS, group_names, new_figure, titled
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import GROUP, in_order
from reversal_cli.runs.directory import RunDirectory

Runs = Mapping[tuple[str, str], RunDirectory]
Look = dict[str, Any]
Group = tuple[str, ...]
"""The values of `GROUP`."""
SUBTASK = "N2D-reverse"
"""The endpoint of a comparison of methods."""
LEAST, LEAST_OF_SEVERAL, AROUND = 2.5, 1.2, 0.9
"""Inches: least height of the only panel, of each of several, and the part of the figure above and below them."""
NAME_HEIGHT = 0.12
"""Inches between two names."""
MOST_NAMED = len(COLOURS) * len(MARKERS)
"""More methods have no look of their own, so all are grey and none is named."""
CURVE: Look = {"linewidth": 1, "alpha": 0.7, "markersize": 2.5, "markeredgewidth": 0.5}
POINT: Look = {"linestyle": "", "markersize": 6, "markeredgecolor": "black", "markeredgewidth": 0.5}
LEADER: Look = {"arrowstyle": "-", "linestyle": ":", "linewidth": 0.7, "relpos": (0, 0.5), "shrinkB": 4}
"""The line from a method's name to its point."""


class Line(NamedTuple):
    """A training from its first evaluation to its end."""

    tokens: list[float]
    accuracy: list[float]
    """In percent, on validation prompts."""


class End(NamedTuple):
    """A method after its training: means over its seeds."""

    name: str
    tokens: float
    accuracy: float
    """In percent, on test prompts."""
    colour: str


def token_figure(part: pd.DataFrame, runs: Runs, metric: str) -> Figure | None:
    """The figure for the lines of one benchmark, a panel per model; None if no run with the metric says its tokens."""
    lines = in_order(part[(part["row"] == RUN) & (part["metric"] == metric) & (part["subtask"] == SUBTASK)])
    counted = lines[lines["tokens"].fillna(0) > 0]
    if counted.empty:
        return None
    groups = list(group_names(lines))  # of all runs, so that each has the same colour as its bar
    looks = {group: _look(index, len(groups)) for index, group in enumerate(groups)}
    curves = {group: training_lines(of_group, runs, metric) for group, of_group in _groups(counted)}
    seeds = counted.groupby(GROUP)["seed"].nunique().max()
    models = [of_model for _, of_model in counted.groupby("model", sort=False)]
    least = LEAST if len(models) == 1 else LEAST_OF_SEVERAL
    named = len(groups) <= MOST_NAMED
    heights = [max(least, NAME_HEIGHT * len(_groups(of_model)) * named) for of_model in models]
    figure = new_figure(sum(heights) + AROUND)
    panels = figure.subplots(len(models), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, of_model, height in zip(panels, models, heights, strict=True):
        ends = _draw_panel(axes, of_model, curves, looks, seeds, metric)
        axes.set_title(of_model["model"].iloc[0] if len(models) > 1 else "", loc="left", fontsize=8)
        if named:
            _write_names(axes, ends, gap=100 * NAME_HEIGHT / height)
    caption = "large: on test prompts"
    caption += ", mean of seeds; dots: each seed" if counted.duplicated(GROUP).any() else ""
    caption += "; lines: the same along training, on validation prompts" if any(curves.values()) else ""
    _label_tokens(panels[-1], caption)
    title = titled(f"{SUBTASK} ({metric}) against training tokens", counted)
    figure.suptitle(title, fontsize=9, fontweight="bold", x=0.01, ha="left")
    return figure


def _groups(runs: pd.DataFrame) -> list[tuple[Group, pd.DataFrame]]:
    return [(tuple(map(str, key)), of_group) for key, of_group in runs.groupby(GROUP, sort=False)]


def _look(index: int, methods: int) -> Look:
    """Colour, marker and line: the colours of the bars, then the same with other markers and lines."""
    if methods > MOST_NAMED:
        index = 0
    again, colour = divmod(index, len(COLOURS))
    marker, line = MARKERS[(colour + again) % len(MARKERS)], LINES[again % len(LINES)]
    return {"color": COLOURS[colour], "marker": marker, "linestyle": line}


def _draw_panel(
    axes: Axes,
    of_model: pd.DataFrame,
    curves: Mapping[Group, Sequence[Line]],
    looks: Mapping[Group, Look],
    most_seeds: int,
    metric: str,
) -> list[End]:
    """Draws the methods of one model: curves, the mean of the seeds and, of several, each as a dot."""
    names = group_names(of_model)
    ends = []
    for group, of_group in _groups(of_model):
        tokens, accuracy, look = of_group["tokens"].astype(float), 100 * of_group["value"], looks[group]
        for curve in curves[group]:
            axes.plot(curve.tokens, curve.accuracy, clip_on=False, zorder=2, **look | CURVE)
        if len(of_group) > 1:
            axes.plot(tokens, accuracy, ".", color="black", markersize=3, clip_on=False, zorder=5)
        axes.plot([tokens.mean()], [accuracy.mean()], clip_on=False, zorder=4, **look | POINT)
        seeds = of_group["seed"].nunique()
        fewer = f" ({seeds} of {most_seeds} seeds)" if seeds < most_seeds else ""
        ends.append(End(names[group] + fewer, tokens.mean(), accuracy.mean(), look["color"]))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.tick_params(axis="x", which="both", labelsize=6)
    axes.set_ylabel(metric_axis(metric))
    axes.set_ylim(0, 100)
    axes.set_yticks(range(0, 101, 20))
    axes.grid(which="both", linewidth=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    return ends


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


def _write_names(axes: Axes, ends: Sequence[End], gap: float) -> None:
    """Beside the axes, with a line to where each belongs."""
    for end, y in zip(ends, spread([end.accuracy for end in ends], gap), strict=True):
        line = LEADER | {"color": end.colour}
        place = ((end.tokens, end.accuracy), (1.06, y / 100), "data", "axes fraction", line)
        axes.annotate(f"{end.name}  {end.accuracy:.1f}", *place, fontsize=6, va="center")


def training_lines(of_group: pd.DataFrame, runs: Runs, metric: str) -> list[Line]:
    """The mean curve of trainings that were evaluated equally often; otherwise the curve of each that has one."""
    keys = zip(of_group["digest"], of_group["dataset"], strict=True)
    lines = [training_line(runs[key], metric) for key in keys]
    found = [line for line in lines if line]
    if len({len(line.tokens) if line else 0 for line in lines}) > 1 or not found:
        return found
    tokens, accuracy = ([fmean(values) for values in zip(*lists, strict=True)] for lists in zip(*found, strict=True))
    return [Line(tokens, accuracy)]


def training_line(run: RunDirectory, metric: str) -> Line | None:
    """The curve of a run over the tokens that it had read, in proportion to its steps; None if it has none."""
    training = run.manifest.training
    points = curve_points(run, metric).get(SUBTASK)
    if not points or training is None or not training.tokens or not training.steps:
        return None
    per_step = training.tokens / training.steps
    return Line([per_step * point.step for point in points], [point.mean for point in points])


def _label_tokens(axes: Axes, caption: str) -> None:
    """Below the last panel, whose limits are those of all."""
    axes.xaxis.set_minor_formatter(_minor_labels(*axes.get_xlim()))
    axes.set_xlabel(f"training tokens, as the objective lays the rows out\n({caption})", fontsize=6)


def _minor_labels(least: float, most: float) -> Formatter:
    """Labels between the powers of ten: none where there are several powers, which say enough."""
    return EngFormatter(sep="") if most < 10 * least else NullFormatter()
