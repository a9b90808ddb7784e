"""Tables of accuracy, ready to be shown: percent and rounding happen here and nowhere else."""

from dataclasses import dataclass, field

import pandas as pd

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.scoring import METRICS

DEFAULT_METRIC = "contains"
TEXT_METRICS = ("bleu", "bleu_char")
"""For descriptions, which can be worded in several ways."""
GROUP = ["experiment", "model", "objective", "recipe"]
"""Runs that share these differ only in their seed."""


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table as text."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str
    numeric: list[str] = field(default_factory=list)
    """The columns that hold numbers."""


def accuracy_tables(frame: pd.DataFrame, metric: str = DEFAULT_METRIC) -> list[ReportTable]:
    """For each dataset a table of `metric` on the four subtasks, then one of BLEU on those with description targets.

    Runs on different test files never share a table, since their numbers cannot be compared.
    Raises ReversalError for an unknown metric, or one that some run does not have.
    """
    if metric not in METRICS:
        raise unknown_name("--metric", "metric", metric, METRICS)
    several = frame["dataset"].nunique() > 1
    descriptions = [subtask for subtask in SUBTASKS if TARGETS[subtask] == "description"]
    tables = []
    for dataset, part in frame.groupby("dataset", sort=False):
        suffix = f" on {_paths(part)} ({dataset})" if several else ""
        tables.append(_table(part, f"Accuracy ({metric}){suffix}", [(subtask, metric) for subtask in SUBTASKS]))
        pairs = [(subtask, name) for subtask in descriptions for name in TEXT_METRICS]
        tables.append(_table(part, f"Similarity of descriptions{suffix}", pairs))
    return tables


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def percent_with_interval(value: float, low: float, high: float) -> str:
    """`75.0 [62, 86]`: the interval is wide enough that its decimals would say nothing."""
    return f"{percent(value)} [{100 * low:.0f}, {100 * high:.0f}]"


def _table(part: pd.DataFrame, title: str, pairs: list[tuple[str, str]]) -> ReportTable:
    """`pairs` of (subtask, metric) are the numeric columns. A model that all rows share is named in the note."""
    one_metric = len({metric for _, metric in pairs}) == 1
    numeric = [subtask if one_metric else f"{subtask} {metric}" for subtask, metric in pairs]
    labels = list(GROUP)
    if part["model"].nunique() == 1:
        labels.remove("model")
    if not _needs_recipe(part):
        labels.remove("recipe")
    rows = []
    for _, runs in _by_objective(part).groupby(GROUP, sort=False):
        rows += _group_rows(runs, pairs, labels)
    return ReportTable(title, [*labels, "seed", *numeric], rows, _note(part, pairs), ["seed", *numeric])


def _by_objective(part: pd.DataFrame) -> pd.DataFrame:
    """Models together, and of each the untrained baseline first, then the objectives in the order of `OBJECTIVES`."""
    order = {name: index for index, name in enumerate(["none", *OBJECTIVES])}
    return part.assign(order=part["objective"].map(order)).sort_values(["model", "order", "experiment"], kind="stable")


def _needs_recipe(part: pd.DataFrame) -> bool:
    """True when two groups would look the same: same experiment, model and objective, another recipe."""
    groups = part[GROUP].drop_duplicates()
    return bool(groups.duplicated(["experiment", "model", "objective"]).any())


def _group_rows(runs: pd.DataFrame, pairs: list[tuple[str, str]], labels: list[str]) -> list[list[str]]:
    """A row per seed, and where there are several, a row of their mean."""
    label = [runs.iloc[0][column] for column in labels]
    seeds = sorted(runs["seed"].unique())
    rows = []
    for seed in seeds:
        of_seed = runs[runs["seed"] == seed].set_index(["subtask", "metric"])
        rows.append([*label, str(seed), *(_cell(of_seed, pair) for pair in pairs)])
    if len(seeds) > 1:
        values = runs.set_index(["subtask", "metric"])["value"]
        rows.append([*label, "mean", *(_mean_cell(values.loc[[pair]]) for pair in pairs)])
    return rows


def _cell(of_seed: pd.DataFrame, pair: tuple[str, str]) -> str:
    if pair not in of_seed.index:
        first = of_seed.iloc[0]
        raise ReversalError(
            f"{first['experiment']} seed {first['seed']}: has no {pair[1]} for {pair[0]}; "
            f"expected every metric; run `reversal eval` again, it keeps the predictions"
        )
    line = of_seed.loc[pair]
    return percent_with_interval(line["value"], line["low"], line["high"])


def _mean_cell(values: pd.Series) -> str:
    """`74.0 ± 3.1`: mean and sample standard deviation over seeds."""
    return f"{percent(values.mean())} ± {percent(values.std(ddof=1))}"


def _note(part: pd.DataFrame, pairs: list[tuple[str, str]]) -> str:
    """Names metric, dataset, n and entities, and says what the brackets and the ± are."""
    metrics = list(dict.fromkeys(metric for _, metric in pairs))
    what = "; ".join(f"{metric}: {METRICS[metric].summary}" for metric in metrics)
    sizes = part[part["subtask"].isin([subtask for subtask, _ in pairs])]
    sizes = sizes[["subtask", "n", "entities"]].drop_duplicates()
    if sizes[["n", "entities"]].drop_duplicates().shape[0] == 1:
        counts = f"{sizes.iloc[0]['n']} prompts about {sizes.iloc[0]['entities']} entities per subtask"
    else:
        counts = ", ".join(f"{line.subtask} {line.n} prompts/{line.entities} entities" for line in sizes.itertuples())
    seeds = part.drop_duplicates([*GROUP, "seed"]).groupby(GROUP).size().max()
    spread = ", ± standard deviation over seeds" if seeds > 1 else ""
    model = f"Model {part.iloc[0]['model']}. " if part["model"].nunique() == 1 else ""
    dataset = f"Dataset {_paths(part)} (test files {part.iloc[0]['dataset']}), {counts}."
    return f"Percent [95 % interval over entities]{spread}. {what}. {model}{dataset}{_recipes(part)}"


def _recipes(part: pd.DataFrame) -> str:
    """What the recipe column stands for, where there is one."""
    if not _needs_recipe(part):
        return ""
    recipes = part[["recipe", "settings"]].drop_duplicates()
    return " Recipes: " + "; ".join(f"{line.recipe} {line.settings}" for line in recipes.itertuples()) + "."


def _paths(part: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(part["dataset_path"]))
