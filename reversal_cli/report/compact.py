"""A table without repetition: columns whose value all rows share, or the experiment's name contains, become notes."""

import re
from collections.abc import Iterable, Sequence

from reversal_cli.report.tables import ReportTable
from reversal_cli.spec.names import model_stem

SHARED = ("model", "objective", "recipe", "seed", "rows", "entities", "templates")
"""Columns that are removed if all rows have the same value."""
IN_NOTES = ("model", "seed")
"""Those whose value is in the notes of a table anyway."""
OPTION = re.compile(r" \(.*?\)")
"""Of an objective or a transform, which names of experiments may lack."""
NO_RUN = ("", "chance")
"""Values in the experiment column of rows that are not runs."""


def compact(table: ReportTable) -> ReportTable:
    """The table without repetition, for a terminal or a page; files keep every column."""
    columns = dict(zip(table.columns, map(list, zip(*table.rows, strict=True)), strict=True)) if table.rows else {}
    notes: list[str] = []
    _drop_shared(columns, notes)
    if "experiment" in columns:
        _drop_named(columns, [name.split("/")[-1] for name in columns["experiment"]], notes)
        _drop_folder(columns, notes)
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    numeric = [column for column in table.numeric if column in columns]
    return ReportTable(table.title, list(columns), rows, [*notes, *table.notes], numeric, table.main)


def _drop_shared(columns: dict[str, list[str]], notes: list[str]) -> None:
    phrases = []
    for name in [name for name in SHARED if name in columns]:
        values = {value for value in columns[name] if value}
        if len(values) == 1:
            (value,) = values
            if name not in IN_NOTES:
                phrases.append(f"{value} {name}" if value.isdigit() else f"{name} {value}")
            del columns[name]
    if phrases:
        each = "run" if "experiment" in columns else next(iter(columns), "row")
        notes.append(f"Each {each}: {', '.join(phrases)}.")


def _drop_named(columns: dict[str, list[str]], names: Sequence[str], notes: list[str]) -> None:
    """Removes the columns model and objective if every experiment's name contains their value."""
    if "model" in columns:
        models = zip(columns["model"], names, strict=True)
        if all(model_stem(model) in name for model, name in models if model):
            del columns["model"]
    details = _missing_details(zip(columns["objective"], names, strict=True)) if "objective" in columns else None
    if details is not None:
        del columns["objective"]
        notes += [f"Objective of {word} runs: {objective}." for word, objective in details.items()]


def _missing_details(rows: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """`{"abi": "abi (single)"}`: objectives with more details than the names. None if a name lacks the objective."""
    details: dict[str, str] = {}
    for objective, name in rows:
        method = OPTION.sub("", objective)
        words, needed = (re.findall(r"\w+", text.replace("none", "untrained")) for text in (objective, method))
        if any(word not in name for word in needed):
            return None
        if any(word not in name for word in words) and details.setdefault(method, objective) != objective:
            return None
    return details


def _drop_folder(columns: dict[str, list[str]], notes: list[str]) -> None:
    """Removes the folder from the experiment names if all share it."""
    names = [name for name in columns.get("experiment", []) if name not in NO_RUN]
    folders = {name.rpartition("/")[0] for name in names}
    if len(folders) != 1 or folders == {""}:
        return
    prefix = f"{folders.pop()}/"
    columns["experiment"] = [name.removeprefix(prefix) for name in columns["experiment"]]
    notes.append(f"All experiments are in {prefix}.")
