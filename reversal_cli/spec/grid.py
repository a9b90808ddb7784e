"""The differences between the runs of a TOML file: its `[grid]`, every combination, and its `[[rows]]`, one by one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reversal_cli.errors import ReversalError
from reversal_cli.spec.toml import flatten
from reversal_cli.spec.validation import Setting

MOST_RUNS = 1000
"""Of one experiment: its table and its folders should still be readable."""


def read_axes(grid: Any, source: str) -> dict[str, list[Setting]]:
    """`[grid]`: dotted key -> its values as settings."""
    if not isinstance(grid, Mapping):
        raise ReversalError(f"{source}: grid is {grid!r}; expected a table of lists, such as seed = [0, 1]")
    axes = {}
    for key, values in flatten(grid):
        if not isinstance(values, list) or not values:
            raise ReversalError(f"{source}: grid key '{key}' is {values!r}; expected a list of values, such as [0, 1]")
        if key in ("name", "baseline"):
            raise ReversalError(f"{source}: grid key '{key}' cannot vary; set it above the [grid] table")
        axes[key] = [Setting(key, value, source) for value in values]
    return axes


def read_rows(rows: Any, settings: Sequence[Setting], source: str) -> list[list[Setting]]:
    """`[[rows]]`: tables of settings that go together, each one a row of the experiment (times the grid, if any).

    A key in a row overrides the same key above the rows.
    """
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ReversalError(f"{source}: rows is {rows!r}; expected tables that begin with [[rows]]")
    read = [[Setting(key, value, source) for key, value in flatten(row)] for row in rows]
    keys = {setting.key for row in read for setting in row}
    if keys & {"name", "baseline"}:
        raise ReversalError(f"{source}: name and baseline cannot vary between rows; set them above the first [[rows]]")
    for setting in settings:
        if setting.key in keys:
            raise ReversalError(
                f"{setting.source}: '{setting.key}' is what the [[rows]] of {source} differ in; expected another key; "
                "edit a copy of the file instead"
            )
    return read


def refuse_too_many(axes: Mapping[str, Sequence[Setting]], rows: Sequence[Sequence[Setting]], source: str) -> None:
    """Raises ReversalError for more runs than an experiment may have, before they are listed."""
    runs = len(rows) * math.prod(len(values) for values in axes.values())
    if runs > MOST_RUNS:
        lengths = " x ".join(f"{len(values)} {key}" for key, values in axes.items()) or "rows"
        raise ReversalError(
            f"{source}: {runs:,} runs ({len(rows)} rows x {lengths}); expected at most {MOST_RUNS:,} in one file; "
            "shorten the lists, or split the file"
        )


def refuse_twice(settings: Iterable[Setting]) -> None:
    """Raises ReversalError if a key is given twice."""
    seen: dict[str, Setting] = {}
    for setting in settings:
        if setting.key in seen:
            sources = dict.fromkeys([seen[setting.key].source, setting.source])
            raise ReversalError(f"{' and '.join(sources)}: '{setting.key}' is given twice; keep one of them")
        seen[setting.key] = setting
