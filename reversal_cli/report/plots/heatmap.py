"""A heat map of one run by entity and template: a dark row is a known fact, a dark column a known wording.

The two subtasks of a group of entities have the same rows, so that a row shows an entity in the trained direction
and, two panels on, in the reversed one.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.plots import style
from reversal_cli.report.rows import percent
from reversal_cli.report.stored_predictions import iterate_predictions
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.scoring import METRICS

PAIRS = (("N2D", "N2D-reverse"), ("D2N", "D2N-reverse"))
"""Subtasks about the same entities, trained direction first."""
SEPARATED_ENTITIES = 60
"""The most rows with lines between them; lines between more would hide the rows."""
WRONG, RIGHT = style.SCALE
HEIGHT = 3.2
"""Height of the panels in inches."""


def heatmap_figure(of_run: pd.DataFrame, run: RunDirectory, metric: str) -> Figure | None:
    """Four panels of entities x templates; None unless every subtask has predictions with the metric."""
    grids = {subtask: grid for subtask in SUBTASKS if (grid := score_grid(run, subtask, metric)) is not None}
    if len(grids) < len(SUBTASKS):
        return None
    lower = METRICS[metric].better == "lower"
    templates = max(len(str(name)) for grid in grids.values() for name in grid.columns)
    figure, axes = style.panels(HEIGHT, bottom=0.45 + style.LETTER * templates)
    panels = dict(zip(SUBTASKS, axes, strict=True))
    for forward, backward in PAIRS:
        order = entity_order(grids[forward], grids[backward], lower)
        for subtask in (forward, backward):
            _draw(panels[subtask], grids[subtask].reindex(order), subtask)
        entities = len(order)
        group = "name" if forward == "N2D" else "description"
        panels[forward].set_ylabel(f"{entities} {group}-first entities, best first")
    first = of_run.iloc[0]
    name = f"{first['experiment']}, seed {first['seed']}: {metric} by entity (row) and test template (column)"
    style.put_title(figure, name)
    handles = [Patch(facecolor=colour, edgecolor="black", linewidth=0.4) for colour in (RIGHT, WRONG)]
    binary = all(np.isin(grid.to_numpy(), (0, 1)).all() for grid in grids.values())
    one, zero = ("wrong", "right") if lower else ("right", "wrong")
    labels = [f"{one} ({metric} 1)", f"{zero} ({metric} 0)"] if binary else [f"{metric} 1", f"{metric} 0"]
    figure.legend(handles, labels, loc="lower center", ncols=2)
    return figure


def score_grid(run: RunDirectory, subtask: str, metric: str) -> pd.DataFrame | None:
    """Scores by entity (rows) and template (columns); without template ids, by position among the entity's prompts.

    None if there is no prediction with the metric.
    """
    predictions = iterate_predictions(run, subtask)
    lines = [(line.entity_id, line.template_id, line.scores.get(metric)) for line in predictions]
    frame = pd.DataFrame(lines, columns=["entity", "template", "score"]).dropna(subset="score")
    if frame.empty:
        return None
    position = (frame.groupby("entity").cumcount() + 1).astype(str).str.zfill(2)
    frame["template"] = frame["template"].where(frame["template"] != "", position)
    return frame.pivot_table(index="entity", columns="template", values="score", aggfunc="mean")


def entity_order(forward: pd.DataFrame, backward: pd.DataFrame, lower_is_better: bool = False) -> list[Any]:
    """Entities by their mean in the reversed direction, then in the trained one, best first."""
    means = pd.DataFrame({"backward": backward.mean(axis=1), "forward": forward.mean(axis=1)})
    return list(means.sort_values(["backward", "forward"], ascending=lower_is_better, kind="stable").index)


def _draw(axes: Axes, grid: pd.DataFrame, subtask: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("score", [WRONG, RIGHT])
    axes.imshow(
        np.ma.masked_invalid(grid.to_numpy()), cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="none"
    )
    axes.set_title(f"{subtask}: {percent(np.nanmean(grid.to_numpy()))} %", fontsize=8, fontweight="normal")
    axes.set_yticks([])
    axes.set_xticks(range(len(grid.columns)), grid.columns, rotation=90, fontsize=5)
    height, width = grid.shape
    if height <= SEPARATED_ENTITIES:
        axes.hlines(np.arange(0.5, height - 1), -0.5, width - 0.5, color="white", linewidth=0.6)
    axes.vlines(np.arange(0.5, width - 1), -0.5, height - 0.5, color="white", linewidth=0.6)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
