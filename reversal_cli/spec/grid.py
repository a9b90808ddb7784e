"""The differences between the runs of a TOML file: its `[grid]`, every combination, and its `[[runs]]`, one by one."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from reversal_cli.errors import ReversalError
from reversal_cli.spec.toml import flatten
from reversal_cli.spec.validation import Setting

GRID = "grid."
OLD_RUNS = "rows"
"""What `[[runs]]` was called before."""
NAME_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=-]*")
"""A folder's name, as in those of experiments."""
MOST_RUNS = 1000
"""Of one experiment: its table and its folders should still be readable."""


class Run(NamedTuple):
    """One of `[[runs]]`."""

    name: str | None
    """What it is called below the experiment; None: what its settings say."""
    settings: list[Setting]


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
        if any(isinstance(value, Mapping) for value in values):
            raise ReversalError(
                f"{source}: grid key '{key}' lists tables; expected single values; write each table as one of "
                f"[[runs]], or name the field ({key}.FIELD = [...])"
            )
        axes[key] = [Setting(key, value, source) for value in values]
    return axes


def split_axes(settings: Sequence[Setting]) -> tuple[dict[str, list[Setting]], list[Setting]]:
    """The axes that a command line gives (`--seeds 0,1`, `--set grid.seed=[0,1]`), and its other settings."""
    axes: dict[str, list[Setting]] = {}
    for setting in settings:
        if setting.key.startswith(GRID):
            axes |= read_axes({setting.key.removeprefix(GRID): setting.value}, setting.source)
    return axes, [setting for setting in settings if not setting.key.startswith(GRID)]


def one_each(axes: Mapping[str, Sequence[Setting]]) -> list[Setting]:
    """The first setting of each axis: which keys vary, and who says so."""
    return [values[0] for values in axes.values()]


def read_runs(content: dict[str, Any], source: str) -> list[Run]:
    """Takes `[[runs]]` out of the file's content: tables of settings that go together, each one a run of the experiment
    (times the grid, if any). Without them there is a single run."""
    if "runs" in content and OLD_RUNS in content:
        raise ReversalError(f"{source}: has [[runs]] and [[{OLD_RUNS}]]; expected one of them; rename all to [[runs]]")
    key = OLD_RUNS if OLD_RUNS in content else "runs"
    runs = content.pop(key, [{}])
    if not isinstance(runs, list) or not runs or not all(isinstance(run, Mapping) for run in runs):
        raise ReversalError(f"{source}: {key} is {runs!r}; expected tables that begin with [[runs]]")
    if any("baseline" in run for run in runs):
        raise ReversalError(f"{source}: baseline cannot vary between runs; set it above the first [[{key}]]")
    return [_read_run(run, source) for run in runs]


def _read_run(run: Mapping[str, Any], source: str) -> Run:
    name = run.get("name")
    if name is not None and not (isinstance(name, str) and NAME_PART.fullmatch(name)):
        raise ReversalError(f"{source}: the name of a run is {name!r}; expected letters, digits and ._+=-; correct it")
    others = {key: value for key, value in run.items() if key != "name"}
    return Run(name, [Setting(key, value, source) for key, value in flatten(others)])


def refuse_replaced(runs: Sequence[Run], settings: Iterable[Setting], source: str) -> None:
    """Raises ReversalError for a flag that sets what the runs of a file differ in."""
    keys = {setting.key for run in runs for setting in run.settings}
    for setting in settings:
        if setting.key in keys:
            raise ReversalError(
                f"{setting.source}: '{setting.key}' is what the [[runs]] of {source} differ in; expected another key; "
                "edit a copy of the file instead"
            )


def refuse_too_many(axes: Mapping[str, Sequence[Setting]], runs: Sequence[Run], source: str) -> None:
    """Raises ReversalError for more runs than anybody means; to be called before they are listed."""
    count = len(runs) * math.prod(len(values) for values in axes.values())
    if count > MOST_RUNS:
        lengths = "".join(f" x {len(values)} {key}" for key, values in axes.items())
        raise ReversalError(
            f"{source}: {count:,} runs ({len(runs)} [[runs]]{lengths}); expected at most {MOST_RUNS:,} in one file; "
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
