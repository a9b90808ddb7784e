"""Figures of finished runs as PNG and SVG: bars of accuracy, accuracy per epoch, and heat maps of entities.

The same runs give the same bytes: no date, and no random ids in the SVG.
"""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from reversal_cli.report.frame import Results
from reversal_cli.report.plots.bars import bar_figure
from reversal_cli.report.plots.curves import curve_figure
from reversal_cli.report.plots.heatmap import heatmap_figure
from reversal_cli.report.plots.style import figure_style, save
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import in_order

MOST_HEAT_MAPS = 8
"""Runs whose entities are drawn; a folder with more is looked at run by run."""


def write_plots(results: Results, folder: Path, metric: str) -> list[Path]:
    """The stems of what was drawn: bars and curves per dataset, a heat map per run that has predictions."""
    drawn = []
    with figure_style():
        for stem, figure in _figures(results, metric):
            if figure is not None:
                drawn.append(save(figure, folder / stem))
    return drawn


def heat_map_note(results: Results) -> str:
    """What is not drawn; empty where everything is."""
    if len(results.runs) <= MOST_HEAT_MAPS:
        return ""
    return (
        f"heat maps of entities: drawn for the first {MOST_HEAT_MAPS} of {len(results.runs)} runs; "
        "`reversal report RUN --plots` draws that of one run"
    )


def _figures(results: Results, metric: str) -> Iterator[tuple[str, Figure | None]]:
    """Stem -> figure, one after the other, since hundreds of them would fill the memory."""
    several = results.frame["dataset"].nunique() > 1
    stems: set[str] = set()
    for dataset, part in results.frame.groupby("dataset", sort=False):
        suffix = f"-{dataset}" if several else ""
        yield f"accuracy{suffix}", bar_figure(part, metric)
        yield f"epochs{suffix}", curve_figure(part, results.runs, metric)
        runs = in_order(part[part["row"] == RUN]).groupby(["digest", "dataset"], sort=False)
        for (digest, _), of_run in list(runs)[: MOST_HEAT_MAPS - len(stems)]:
            first = of_run.iloc[0]
            stem = f"entities-{first['experiment'].replace('/', '-')}-seed-{first['seed']}{suffix}"
            stem = f"{stem}-{digest}" if stem in stems else stem
            stems.add(stem)
            yield stem, heatmap_figure(of_run, results.runs[digest, dataset], metric)
