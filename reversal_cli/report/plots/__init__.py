"""Figures of finished runs as PNG and SVG: bars of accuracy, accuracy per epoch, and heat maps of entities.

The same runs give the same bytes: no date, and no random ids in the SVG.
"""

from pathlib import Path

from reversal_cli.report.frame import Results
from reversal_cli.report.plots.bars import bar_figure
from reversal_cli.report.plots.curves import curve_figure
from reversal_cli.report.plots.heatmap import heatmap_figure
from reversal_cli.report.plots.style import figure_style, save
from reversal_cli.report.references import RUN
from reversal_cli.report.rows import in_order


def write_plots(results: Results, folder: Path, metric: str) -> list[Path]:
    """The stems of what was drawn: bars and curves per dataset, a heat map per run that has predictions."""
    frame = results.frame
    several = frame["dataset"].nunique() > 1
    drawn = []
    with figure_style():
        for dataset, part in frame.groupby("dataset", sort=False):
            suffix = f"-{dataset}" if several else ""
            figures = {f"accuracy{suffix}": bar_figure(part, metric)}
            figures[f"epochs{suffix}"] = curve_figure(part, results.runs, metric)
            for (digest, _), of_run in in_order(part[part["row"] == RUN]).groupby(["digest", "dataset"], sort=False):
                first = of_run.iloc[0]
                name = f"{first['experiment'].replace('/', '-')}-seed-{first['seed']}"
                stem = f"entities-{name}{suffix}"
                stem = f"{stem}-{digest}" if stem in figures else stem
                figures[stem] = heatmap_figure(of_run, results.runs[digest, dataset], metric)
            drawn += [save(figure, folder / stem) for stem, figure in figures.items() if figure is not None]
    return drawn
