"""Accuracy along training: a panel per subtask, a line per run."""

from collections.abc import Collection
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError
from reversal_cli.report.plots.style import COLOURS, LINES, MARKERS, group_names, legend_columns, new_figure, titled
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import GROUP, in_order
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.statistics.estimate import SHORT_UNITS


def curve_figure(part: pd.DataFrame, runs: dict[tuple[str, str], RunDirectory], metric: str) -> Figure | None:
    """From curve.jsonl of the runs on one dataset. None where no run has evaluated `metric` along its training.

    Raises ReversalError where a curve lacks what every record has.
    """
    identities = in_order(part[part["row"] == RUN]).drop_duplicates(["digest", "dataset"])
    curves = {key: runs[key].read_curve() for key in zip(identities["digest"], identities["dataset"], strict=True)}
    drawn = identities[[bool(curve) for curve in curves.values()]]
    names = group_names(identities)  # of all runs, so that each has its colour of the bars
    figure = new_figure(2.6)
    panels = dict(zip(SUBTASKS, figure.subplots(1, len(SUBTASKS), sharex=True, sharey=True), strict=True))
    seen = set()
    units: dict[str, None] = {}
    for line in drawn.itertuples():
        group = tuple(getattr(line, column) for column in GROUP)
        index = list(names).index(group)
        run = runs[line.digest, line.dataset]
        for subtask, axes in panels.items():
            points = _points(run, curves[line.digest, line.dataset], subtask, metric)
            if not points:
                continue
            units |= dict.fromkeys(point.unit for point in points)
            colour = COLOURS[index % len(COLOURS)]
            style = {"linestyle": LINES[index % len(LINES)], "marker": MARKERS[index % len(MARKERS)], "color": colour}
            label = None if group in seen else names[group]
            seen.add(group)
            epochs, means, lows, highs, _ = zip(*points, strict=True)
            axes.plot(epochs, means, label=label, linewidth=1.2, markersize=3, clip_on=False, **style)
            axes.fill_between(epochs, lows, highs, color=colour, alpha=0.15, linewidth=0)
    if not seen:
        return None
    shown = [names[group] for group in names if group in seen]
    title = titled(f"Accuracy ({metric}) along training", drawn)
    _finish(figure, panels, title, " or ".join(SHORT_UNITS[unit] for unit in units), shown)
    return figure


class Point(NamedTuple):
    """One evaluation along a training."""

    epoch: int
    mean: float
    """In percent, as are low and high."""
    low: float
    high: float
    unit: str
    """What low and high are over; records of an earlier version do not say it, and theirs are over entities."""


def _points(run: RunDirectory, curve: list[dict], subtask: str, metric: str) -> list[Point]:
    """One line, as far as it was evaluated; of two records of an epoch the later one counts."""
    try:
        measured = {record["epoch"]: record["subtasks"].get(subtask, {}) for record in curve}
        return [
            Point(
                epoch,
                *(100 * float(part["metrics"][metric][key]) for key in ("mean", "low", "high")),
                part.get("intervals", "entities"),
            )
            for epoch, part in sorted(measured.items())
            if metric in part.get("metrics", {})
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ReversalError(
            f"{run.curve_path}: has an unexpected form ({error!r}); expected epoch and subtasks with mean, low and "
            "high in each record; remove the file and plot without it"
        ) from None


def _finish(figure: Figure, panels: dict[str, Axes], title: str, units: str, names: Collection[str]) -> None:
    for subtask, axes in panels.items():
        axes.set_title(subtask, fontsize=8, fontweight="normal")
        axes.set_xlabel("epoch")
        axes.grid(linewidth=0.4, color="#dddddd")
        axes.xaxis.get_major_locator().set_params(integer=True)
    first = next(iter(panels.values()))
    first.set_ylabel("accuracy, %")
    first.set_ylim(0, 100)
    first.set_xlim(left=0)
    caption = f"on validation templates; bands: 95 % interval over {units}"
    columns = legend_columns(names)
    figure.legend(loc="outside lower center", ncols=columns, handlelength=3, title=caption, title_fontsize=6)
    figure.suptitle(title, fontsize=9, fontweight="bold", x=0.01, ha="left")
