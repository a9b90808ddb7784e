"""Tables as LaTeX, with rules of the booktabs package and intervals in small type."""

from collections.abc import Sequence

from reversal_cli.plain_text import visible
from reversal_cli.report.rows import SPREAD
from reversal_cli.report.tables import ReportTable

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "±": r"$\pm$",
}
HEADER = "% In the preamble: \\usepackage[T1]{fontenc} \\usepackage{booktabs}"


def latex(tables: Sequence[ReportTable]) -> str:
    """All tables, ready for `\\input`."""
    return "\n\n".join([HEADER, *map(latex_table, tables)]) + "\n"


def latex_table(table: ReportTable) -> str:
    """One table; title and note become the caption."""
    columns = "".join("r" if column in table.numeric else "l" for column in table.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{escape(table.title)}. {escape(table.note)}}}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        _row([escape(column) for column in table.columns]),
        r"\midrule",
        *(_row([latex_cell(cell) for cell in row]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def latex_cell(cell: str) -> str:
    """The cell with its interval in small type; without an interval only escaped.

    >>> latex_cell("75.0 [62, 86]")
    '75.0 {\\\\scriptsize [62, 86]}'
    """
    match = SPREAD.fullmatch(cell)
    if match is None:
        return escape(cell)
    return rf"{escape(match['mean'])} {{\scriptsize {escape(match['spread'])}}}"


def escape(text: str) -> str:
    """The text escaped for LaTeX.

    >>> escape("a_b & 5 %")
    'a\\\\_b \\\\& 5 \\\\%'
    """
    return "".join(SPECIAL.get(character, character) for character in visible(text))


def _row(cells: Sequence[str]) -> str:
    # A row that starts with [ would be read as the optional argument of the row end before it.
    return " & ".join(f"{{}}{cell}" if cell.startswith("[") else cell for cell in cells) + r" \\"
