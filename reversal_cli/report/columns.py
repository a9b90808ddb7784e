"""The columns of the tidy frame: their names, their types, and changes to all texts."""

from collections.abc import Callable

import pandas as pd

COLUMNS = [
    "experiment",
    "model",
    "objective",
    "variant",
    "seed",
    "row",
    "subtask",
    "target",
    "metric",
    "definition",
    "value",
    "low",
    "high",
    "intervals",
    "chance",
    "n",
    "entities",
    "templates",
    "dataset",
    "dataset_path",
    "leaks",
    "settings",
    "recipe",
    "arithmetic",
    "weights",
    "digest",
    "benchmark",
    "method",
    "rows_drawn",
    "tokens",
    "labels",
    "flops",
    "wall_seconds",
    "shown_reversed",
    "retention",
    "retention_texts",
]
"""One value per line. value, low, high and chance are scores in [0, 1]; only the log-probability gap is in nats, and
its tests are statistics and p-values. `row` is "run", or a control or floor. `variant` is the objective as tables
show it, `dataset` identifies the test files, `leaks` counts test facts that the training data contains, `recipe`
identifies what the seeds of an experiment share, `settings` has the main settings in words, `weights` the
file a GGUF model was made of, `arithmetic` the precision
and hardware of the training, and `definition` identifies how the metric was computed (empty: not recorded). `intervals`
is what low and high are over (empty: made in another way by an earlier version). `benchmark` and `method` are `dataset`
and `recipe`, but the same for the seeds of an experiment in which each has a benchmark of its own. Of the columns after
them, which are empty if not recorded, `run_costs` makes one value per run; `retention` is in nats per token."""

SCORES = ("value", "low", "high", "chance")
COUNTS = ("templates", "rows_drawn", "tokens", "labels", "shown_reversed")
MEASURES = (*SCORES, "flops", "wall_seconds", "retention")
NUMBERS = (
    dict.fromkeys(["seed", "n", "entities"], "int64")
    | dict.fromkeys(MEASURES, "float64")
    | dict.fromkeys(COUNTS, "Int64")
)
"""The columns that are not texts, with their types."""


def map_texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The frame with every text changed; `change` is called once per distinct text of a column, of which there are
    few."""
    return frame.assign(**{name: _map_column(column, change) for name, column in frame.items() if name not in NUMBERS})


def _map_column(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    """Of plain Python objects, of which pandas makes a small selection faster than of its own strings."""
    changed = {text: change(text) for text in column.unique()}
    return pd.Series([changed[text] for text in column], column.index, dtype=object)
