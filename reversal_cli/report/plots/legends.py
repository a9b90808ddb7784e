"""Lines and markers of floors and controls in figures of accuracy, and their legend."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reversal_cli.report.references import REFERENCES

FLOOR_LINES = {"wrong entity": ":", "other wording": "--"}
CONTROL_MARKERS = {"both-directions": "D", "in-context": "^"}
HOLLOW = {"markersize": 4, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 0.7}
OPTIONS = {"handlelength": 1.6, "columnspacing": 1.4, "borderaxespad": 0.2}


def add_reference_legend(figure: Figure, lines: pd.DataFrame, place: str = "outside lower center") -> None:
    """Adds a legend of the floors and controls in `lines` below the figure."""
    rows = [row for row in [*FLOOR_LINES, *CONTROL_MARKERS] if (lines["row"] == row).any()]
    if rows:
        names = [REFERENCES[row][0] for row in rows]
        figure.legend([_handle(row) for row in rows], names, loc=place, ncols=4, **OPTIONS)


def _handle(row: str) -> Line2D:
    if row in FLOOR_LINES:
        return Line2D([], [], linestyle=FLOOR_LINES[row], color="black", linewidth=0.9)
    return Line2D([], [], linestyle="", marker=CONTROL_MARKERS[row], **HOLLOW)
