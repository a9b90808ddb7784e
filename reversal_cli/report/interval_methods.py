"""The methods of a table's intervals in words, and a warning if runs differ in them."""

import pandas as pd

from reversal_cli.report.references import RUN
from reversal_cli.statistics.estimate import SHORT_UNITS, method

EARLIER = ""
"""The value in the frame for runs of earlier versions, whose intervals were made in another way."""


def interval_methods(lines: pd.DataFrame) -> str:
    """Every method that made an interval of `lines`, for the note of a table."""
    methods = [_in_words(unit) for unit in _units(lines)]
    hint = " (the column intervals of accuracy.csv says which)" if len(methods) > 1 else ""
    return f"{'; or '.join(methods)}{hint}"


def interval_units(lines: pd.DataFrame) -> str:
    """`entities and templates`: the unit of the intervals, for a caption."""
    return " or ".join(dict.fromkeys(SHORT_UNITS.get(unit, "entities") for unit in _units(lines)))


def interval_notes(frame: pd.DataFrame) -> list[str]:
    """A line per dataset whose intervals were made in different ways: they must not be compared."""
    notes = []
    for dataset, part in frame[frame["row"] == RUN].groupby("dataset", sort=False):
        runs_of: dict[tuple[str, ...], list[str]] = {}
        keys = ["experiment", "seed", "digest"]
        for (experiment, seed, _), lines in part[[*keys, "low", "intervals"]].groupby(keys, sort=False):
            runs_of.setdefault(_units(lines), []).append(f"{experiment} seed {seed}")
        if len(runs_of) > 1:
            units_of = "; ".join(f"{_short(units)} in {', '.join(runs)}" for units, runs in runs_of.items())
            notes.append(f"dataset {dataset}: intervals are over {units_of}; `reversal eval RUN` makes them alike")
    return notes


def _units(lines: pd.DataFrame) -> tuple[str, ...]:
    units = set(lines["intervals"][lines["low"].notna()])
    return tuple(unit for unit in (*SHORT_UNITS, EARLIER) if unit in units)


def _in_words(unit: str) -> str:
    return (
        method(unit)
        if unit in SHORT_UNITS
        else "by the method of an earlier version; `reversal eval RUN` makes it anew"
    )


def _short(units: tuple[str, ...]) -> str:
    return " or ".join(SHORT_UNITS.get(unit, "what an earlier version chose") for unit in units) or "nothing"
