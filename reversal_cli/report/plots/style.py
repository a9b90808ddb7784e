"""The style of figures: colours that stay distinct for colour-blind readers and in grey, and files without dates."""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.rows import GROUP

COLOURS = ("#999999", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442")
"""Okabe and Ito 2008; grey is first, as the untrained baseline is. With more runs, a figure has a row per run."""
FORWARD, REVERSED = "#666666", "#0072B2"
"""Colours of subtasks in the trained and in the reversed direction."""
SCALE = ("#f2f2f2", "#0072B2")
"""Colours of 0 and of 1 in a heat map."""
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "++", "oo")
MARKERS = "osD^vPX*"
LINES = ("-", "--", "-.", ":")
ROW_HEIGHT = 0.15
"""Height in inches of a row in a figure with a row per run."""
TOP, LETTER = 0.6, 0.05
"""Inches: height above panels, for the titles; width of a letter of size 6."""
WIDTH = 7.2
"""Inches: the text width of a two-column paper."""
DPI = 200
LEGEND_CHARACTERS, PATCH_CHARACTERS, LINE_CHARACTERS = 110, 7, 13
"""Characters in a line of a legend, and those that the patch or the line of an entry takes."""
LEGEND_LINE = 0.16
"""Height in inches of a line of a legend."""
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "reversal",
}


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    with matplotlib.rc_context(STYLE):
        yield


def new_figure(height: float, **options: Any) -> Figure:
    """A figure; `height` in inches. Without pyplot, which has global state and opens windows."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure


def panels(rows: float, bottom: float, left: float = 0.35) -> tuple[Figure, Sequence[Axes]]:
    """A figure with a panel per subtask; in inches: height of the panels, space below and to the left of them.

    The layout is fixed: with hundreds of labels an automatic one takes most of a minute.
    """
    height = rows + bottom + TOP
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    place = {"left": left / WIDTH, "right": 1 - 0.15 / WIDTH, "bottom": bottom / height, "top": 1 - TOP / height}
    return figure, figure.subplots(1, len(SUBTASKS), gridspec_kw={**place, "wspace": 0.15})


def row_panels(names: Sequence[str], bottom: float) -> tuple[Figure, Sequence[Axes]]:
    """Panels with a row per name, from top to bottom; the first panel shows the names."""
    figure, axes = panels(ROW_HEIGHT * len(names), bottom, left=0.2 + LETTER * max(map(len, names)))
    for panel in axes:
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
    axes[0].set_yticks(range(len(names)), names, fontsize=6)
    axes[0].tick_params(axis="y", length=0)
    return figure, axes


def put_title(figure: Figure, text: str) -> None:
    top = 1 - 0.08 / figure.get_figheight()
    figure.suptitle(text, fontsize=9, fontweight="bold", x=0.01, y=top, ha="left", va="top")


def save(figure: Figure, stem: Path) -> Path:
    """Writes stem.png and stem.svg, each whole or not at all."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, dict[str, Any]] = {
        "png": {"dpi": DPI, "metadata": {"Software": None}},
        "svg": {"metadata": {"Date": None, "Creator": None, "Title": figure.get_suptitle()}},
    }
    for form in options:
        temporary = stem.with_name(f".{stem.name}.{form}.tmp")
        try:
            figure.savefig(temporary, format=form, **options[form])
            temporary.replace(stem.with_name(f"{stem.name}.{form}"))
        finally:
            temporary.unlink(missing_ok=True)
    return stem


def legend_columns(names: Collection[str], handle: int = PATCH_CHARACTERS) -> int:
    """Number of legend entries that fit in a line; legends align them in columns."""
    widths = [len(name) + handle for name in names]
    return len(widths) if sum(widths) <= LEGEND_CHARACTERS else max(1, LEGEND_CHARACTERS // max(widths))


def titled(text: str, runs: pd.DataFrame) -> str:
    """The text with the name of the model, if all runs share it."""
    return f"{text}, {runs.iloc[0]['model']}" if runs["model"].nunique() == 1 else text


def group_names(runs: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """Group (values of `GROUP`) -> legend entry, the shortest that distinguishes the groups; in the order of `runs`."""
    groups = runs[GROUP].drop_duplicates()
    variants = groups["variant"].replace("none", "untrained")
    if groups["model"].nunique() > 1:
        variants = groups["model"] + ", " + variants
    candidates = [
        variants.where(~variants.duplicated(keep=False), groups["experiment"]),
        groups["experiment"],
        groups["experiment"] + ", " + variants,
        groups["experiment"] + ", " + variants + ", " + groups["recipe"],
    ]
    names = next(names for names in candidates if names.is_unique)
    folders = groups["experiment"].str.rpartition("/")[0].unique()
    if len(folders) == 1 and folders[0]:
        names = names.str.removeprefix(f"{folders[0]}/")
    return dict(zip(groups.itertuples(index=False, name=None), names, strict=True))
