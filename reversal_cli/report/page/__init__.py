"""One self-contained page of a report: tables, plots and a browser of the predictions.

`build_page` fills `template.html`. Styles, scripts and data are inside the page, and its Content-Security-Policy allows
only these: the page loads nothing, and a completion that looks like HTML stays text.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from reversal_cli import __version__
from reversal_cli.files.writing import write_text
from reversal_cli.report.compact import compact
from reversal_cli.report.page.headline import headline_html
from reversal_cli.report.page.predictions import PagePredictions
from reversal_cli.report.rows import SPREAD
from reversal_cli.report.tables import ReportTable

PAGE_NAME = "report.html"
SVG_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def write_page(
    folder: Path,
    tables: Sequence[ReportTable],
    predictions: PagePredictions,
    plots: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Path:
    """Writes report.html into the folder and returns its path."""
    path = folder / PAGE_NAME
    write_text(path, build_page(tables, predictions, plots, notes))
    return path


def build_page(
    tables: Sequence[ReportTable],
    predictions: PagePredictions,
    plots: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """The page as HTML.

    plots: SVG files; the <title> of each becomes its alternative text.
    """
    style, theme = asset("page.css"), asset("theme.js")
    script = asset("tables.js") + (
        asset("view.js") + asset("predictions.js") + asset("rows.js") if predictions.data else ""
    )
    # substitute does not replace inside inserted text, so a `$name` in a note or a completion stays.
    return Template(asset("template.html")).substitute(
        policy=content_policy(style, theme, script),
        style=style,
        theme=theme,
        script=script,
        links=links_html(bool(plots), bool(predictions.data or predictions.without), bool(notes)),
        headline=headline_html(tables),
        tables=tables_html(tables),
        plots=plots_html(plots),
        predictions=predictions_html(predictions),
        notes=notes_html(notes),
        version=escape(__version__),
    )


def asset(name: str) -> str:
    """A text file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def content_policy(style: str, *scripts: str) -> str:
    """A policy that allows only this style sheet, these scripts, and images inside the page: no requests."""
    hashes = " ".join(dict.fromkeys(_hash(script) for script in scripts))
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {hashes}; "
        "base-uri 'none'; form-action 'none'"
    )


def links_html(plots: bool, predictions: bool, notes: bool) -> str:
    """Links to the sections of the page."""
    names = {"tables": True, "plots": plots, "predictions": predictions, "notes": notes}
    return "".join(f'<a href="#{name}">{name.capitalize()}</a>' for name, present in names.items() if present)


def tables_html(tables: Sequence[ReportTable]) -> str:
    """All tables in compact form; a note that several share is printed once."""
    printed: set[str] = set()
    parts = []
    for table in map(compact, tables):
        parts.append(table_html(table, [note for note in table.notes if note not in printed]))
        printed |= {*table.notes}
    return "\n".join(parts)


def table_html(table: ReportTable, notes: Sequence[str]) -> str:
    classes = [_class(column, table) for column in table.columns]
    heads = "".join(
        f'<th scope=col class="{kind}">{escape(column)}</th>'
        for column, kind in zip(table.columns, classes, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(map(_cell, row, classes))}</tr>" for row in table.rows)
    title = escape(table.title)
    return f"""<section class="report">
<h2>{title}</h2>
<div class="scroll" tabindex=0 role=region aria-label="{title}">
<table data-title="{title}"><thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody></table>
</div>
<p class="note">{escape(" ".join(notes))}</p>
</section>"""


def plots_html(plots: Sequence[str]) -> str:
    """SVG as images: ids and styles of one do not affect another, and an image cannot run scripts or load anything."""
    figures = []
    for number, svg in enumerate(plots, start=1):
        title = SVG_TITLE.search(svg)
        # The text of an SVG title is escaped already.
        words = title[1].strip().replace('"', "&quot;") if title else f"Plot {number}"
        source = base64.b64encode(svg.encode()).decode()
        figures.append(f'<figure><img alt="{words}" src="data:image/svg+xml;base64,{source}"></figure>')
    inner = "\n".join(figures)
    return f'<section id="plots">\n<h2>Plots</h2>\n<div class="plots">\n{inner}\n</div>\n</section>' if figures else ""


def predictions_html(predictions: PagePredictions) -> str:
    """The browser with its data, if any run has predictions, and sentences about runs without predictions or without
    all."""
    sentence = ""
    if predictions.without:
        names = escape(", ".join(predictions.without))
        sentence = f'<p class="note">No predictions are stored with {names}, so they cannot be read here.</p>'
    if predictions.incomplete:
        names = escape("; ".join(predictions.incomplete))
        sentence += f'<p class="note">Only some predictions are stored, and shares below are of these: {names}.</p>'
    browser = ""
    if predictions.data:
        data = f'<script type="application/json" id="predictions-data">{predictions.data}</script>'
        browser = asset("predictions.html") + data
    if not (browser or sentence):
        return ""
    return f'<section class="predictions" id="predictions">\n<h2>Predictions</h2>\n{sentence}\n{browser}\n</section>'


def notes_html(notes: Sequence[str]) -> str:
    items = "\n".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<section class="notes" id="notes"><h2>Notes</h2>\n<ul>\n{items}\n</ul></section>' if notes else ""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _class(column: str, table: ReportTable) -> str:
    """CSS class of a column. On a narrow screen labels, and the seed, stand in a line above the numbers."""
    if column == "seed":
        return "label seed"
    if column not in table.numeric:
        return "label"
    at = table.columns.index(column)
    return "number spreads" if any(SPREAD.fullmatch(row[at]) for row in table.rows) else "number"


def _cell(cell: str, kind: str) -> str:
    """A cell of the table; mean and spread are elements of their own, so that the means of a column line up."""
    if "spreads" not in kind:
        return f'<td class="{kind}">{escape(cell)}</td>'
    match = SPREAD.fullmatch(cell)
    mean, spread = (match["mean"], f' <span class="spread">{escape(match["spread"])}</span>') if match else (cell, "")
    return f'<td class="{kind}"><span class="mean">{escape(mean)}</span>{spread}</td>'
