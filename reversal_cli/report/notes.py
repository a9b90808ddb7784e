"""The line under a table: what the numbers are, of which data, and how sure they are."""

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.rows import GROUP, needs_recipe
from reversal_cli.scoring import METRICS
from reversal_cli.scoring.estimate import METHOD


def note(part: pd.DataFrame, metrics: list[str], subtasks: list[str]) -> str:
    """`part` are the lines of runs on one dataset, `metrics` and `subtasks` what the table shows of them."""
    what = "; ".join(f"{metric}: {summary(metric)}" for metric in metrics)
    return f"Percent [95 % interval: {METHOD}]{_spread(part)}. {what}. {data_note(part, subtasks)}"


def summary(metric: str) -> str:
    better = " (lower is better)" if METRICS[metric].better == "lower" else ""
    return f"{METRICS[metric].summary}{better}"


def data_note(part: pd.DataFrame, subtasks: list[str]) -> str:
    """Model, dataset, sizes, seeds, arithmetic and recipes."""
    model = f"Model {part.iloc[0]['model']}. " if part["model"].nunique() == 1 else ""
    dataset = f"Dataset {paths(part)} (test files {part.iloc[0]['dataset']}), {_counts(part, subtasks)}."
    seeds = sorted(part["seed"].unique())
    seed_list = f" Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}."
    return f"{model}{dataset}{seed_list}{_arithmetic(part)}{_recipes(part)}"


def paths(part: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(part["dataset_path"]))


def _spread(part: pd.DataFrame) -> str:
    seeds = part.drop_duplicates([*GROUP, "seed"]).groupby(GROUP).size().max()
    return ", ± standard deviation over seeds" if seeds > 1 else ""


def _counts(part: pd.DataFrame, subtasks: list[str]) -> str:
    sizes = part[part["subtask"].isin(subtasks)][["subtask", "n", "entities"]].drop_duplicates()
    if sizes[["n", "entities"]].drop_duplicates().shape[0] == 1:
        return f"{sizes.iloc[0]['n']} prompts about {sizes.iloc[0]['entities']} entities per subtask"
    in_order = [line for name in SUBTASKS for line in sizes[sizes["subtask"] == name].itertuples()]
    return ", ".join(f"{line.subtask} {line.n} prompts/{line.entities} entities" for line in in_order)


def _arithmetic(part: pd.DataFrame) -> str:
    labels = [label for label in dict.fromkeys(part["arithmetic"]) if label]
    return f" Trained in {' or '.join(labels)}." if labels else ""


def _recipes(part: pd.DataFrame) -> str:
    """What the recipe column stands for, where there is one."""
    if not needs_recipe(part):
        return ""
    recipes = part[["recipe", "settings"]].drop_duplicates()
    return " Recipes: " + "; ".join(f"{line.recipe} {line.settings}" for line in recipes.itertuples()) + "."
