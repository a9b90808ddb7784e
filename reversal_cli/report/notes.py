"""The lines under a table: what the numbers are, of which data, and how sure they are."""

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.interval_methods import interval_methods
from reversal_cli.report.rows import GROUP, needs_recipe
from reversal_cli.scoring import METRICS


def notes_of(part: pd.DataFrame, metrics: list[str], subtasks: list[str]) -> list[str]:
    """`part` are the lines of runs on one dataset, `metrics` and `subtasks` what the table shows of them."""
    shown = part[part["metric"].isin(metrics) & part["subtask"].isin(subtasks)]
    percent = f"Percent [95 % interval {interval_methods(shown)}]."
    return [
        percent,
        *_spread(part),
        *(f"{metric}: {summary(metric)}." for metric in metrics),
        *data_notes(part, subtasks),
    ]


def summary(metric: str) -> str:
    better = " (lower is better)" if METRICS[metric].better == "lower" else ""
    return f"{METRICS[metric].summary}{better}"


def data_notes(part: pd.DataFrame, subtasks: list[str]) -> list[str]:
    """Model, dataset, sizes, seeds, arithmetic and recipes."""
    model = [f"Model {part.iloc[0]['model']}."] if part["model"].nunique() == 1 else []
    dataset = f"Dataset {paths(part)} (test files {part.iloc[0]['dataset']}), {_counts(part, subtasks)}."
    seeds = sorted(part["seed"].unique())
    seed_list = f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}."
    return [*model, dataset, *_leaks(part), seed_list, *_arithmetic(part), *_recipes(part)]


def paths(part: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(part["dataset_path"]))


def _spread(part: pd.DataFrame) -> list[str]:
    seeds = part.drop_duplicates([*GROUP, "seed"]).groupby(GROUP).size().max()
    return ["Mean: over seeds, ± their standard deviation."] if seeds > 1 else []


def _counts(part: pd.DataFrame, subtasks: list[str]) -> str:
    """`600 prompts: 30 entities x 20 templates per subtask`, or that of each subtask."""
    lines = part[part["subtask"].isin(subtasks)]
    sizes = {name: _sizes(of_subtask) for name, of_subtask in lines.groupby("subtask", sort=False)}
    if len(set(sizes.values())) == 1:
        return f"{next(iter(sizes.values()))} per subtask"
    return ", ".join(f"{name} {sizes[name]}" for name in SUBTASKS if name in sizes)


def _sizes(lines: pd.DataFrame) -> str:
    """Of one subtask; runs evaluated by an earlier version do not say the number of templates."""
    sizes = lines[["n", "entities", "templates"]].drop_duplicates().sort_values("templates")
    told = sizes.drop_duplicates(["n", "entities"])
    return " or ".join(
        f"{line.n} prompts about {line.entities} entities"
        if pd.isna(line.templates)
        else f"{line.n} prompts: {line.entities} entities x {line.templates} templates"
        for line in told.itertuples()
    )


def _arithmetic(part: pd.DataFrame) -> list[str]:
    labels = [label for label in dict.fromkeys(part["arithmetic"]) if label]
    return [f"Trained in {' or '.join(labels)}."] if labels else []


def _leaks(part: pd.DataFrame) -> list[str]:
    """What the datasets of which experiments give away; none if they give away nothing."""
    names = {text: lines["experiment"].unique() for text, lines in part.groupby("leaks", sort=False) if text}
    every = part["experiment"].nunique()
    whose = {text: "" if len(found) == every else f" ({', '.join(found)})" for text, found in names.items()}
    return [f"Dataset leaks{those}: {text}." for text, those in whose.items()]


def _recipes(part: pd.DataFrame) -> list[str]:
    """What the recipe column stands for, where there is one."""
    if not needs_recipe(part):
        return []
    recipes = part[["recipe", "settings"]].drop_duplicates()
    return ["Recipes: " + "; ".join(f"{line.recipe} {line.settings}" for line in recipes.itertuples()) + "."]
