"""How figures look: colours that a colour-blind reader and a grey printer can tell apart, and files without dates."""

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reversal_cli.report.rows import GROUP

COLOURS = ("#999999", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442")
"""Okabe and Ito 2008; grey comes first, because the untrained baseline does."""
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "++", "oo")
MARKERS = "osD^vPX*"
LINES = ("-", "--", "-.", ":")
WIDTH = 7.2
"""Inches: a text width of two columns."""
DPI = 200
LEGEND_CHARACTERS, HANDLE_CHARACTERS = 110, 7
"""What a line of WIDTH holds, and what the colour of an entry takes of it."""
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
    """`height` in inches. No pyplot: nothing global, no window."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure


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


def legend_columns(names: Collection[str]) -> int:
    """How many entries fit beside one another; legends align them in columns."""
    widths = [len(name) + HANDLE_CHARACTERS for name in names]
    return len(widths) if sum(widths) <= LEGEND_CHARACTERS else max(1, LEGEND_CHARACTERS // max(widths))


def titled(text: str, runs: pd.DataFrame) -> str:
    """With the model's name, where all runs share it."""
    return f"{text}, {runs.iloc[0]['model']}" if runs["model"].nunique() == 1 else text


def group_names(runs: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """Group (values of `GROUP`) -> legend entry: as short as tells all groups of `runs` apart, in their order."""
    groups = runs[GROUP].drop_duplicates()
    variants = groups["variant"].replace("none", "untrained")
    if groups["model"].nunique() > 1:
        variants = groups["model"] + ", " + variants
    choices = [
        variants.where(~variants.duplicated(keep=False), groups["experiment"]),
        groups["experiment"],
        groups["experiment"] + ", " + variants,
        groups["experiment"] + ", " + variants + ", " + groups["recipe"],
    ]
    names = next(names for names in choices if names.is_unique)
    return dict(zip(groups.itertuples(index=False, name=None), names, strict=True))
