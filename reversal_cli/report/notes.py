"""The notes under a table: metrics, intervals, data, seeds, arithmetic and recipes."""

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.report.interval_methods import interval_methods
from reversal_cli.report.rows import GROUP, needs_recipe
from reversal_cli.scoring import METRICS


def notes_of(part: pd.DataFrame, metrics: list[str], subtasks: list[str]) -> list[str]:
    """All notes of a table that shows `metrics` and `subtasks` of `part`, the lines of runs on one dataset."""
    lines = part[part["metric"].isin(metrics) & part["subtask"].isin(subtasks)]
    percent = f"Percent [95 % interval {interval_methods(lines)}]."
    return [
        percent,
        *_spread(part),
        *(f"{metric}: {summary(metric)}." for metric in metrics),
        *data_notes(part, subtasks),
    ]


def summary(metric: str) -> str:
    """The summary of a metric; says if lower is better."""
    better = " (lower is better)" if METRICS[metric].better == "lower" else ""
    return f"{METRICS[metric].summary}{better}"


def data_notes(part: pd.DataFrame, subtasks: list[str]) -> list[str]:
    """Model, dataset, sizes, seeds, arithmetic and recipes."""
    model = [f"Model {part.iloc[0]['model']}."] if part["model"].nunique() == 1 else []
    dataset = f"Dataset {paths(part)} (test files {', '.join(part['dataset'].unique())}), {_counts(part, subtasks)}."
    seeds = sorted(part["seed"].unique())
    seed_list = f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}."
    return [*model, dataset, *_leaks(part), seed_list, *_weights(part), *_arithmetic(part), *_recipes(part)]


def paths(part: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(part["dataset_path"]))


def _spread(part: pd.DataFrame) -> list[str]:
    seeds = part.drop_duplicates([*GROUP, "seed"]).groupby(GROUP).size().max()
    return ["Mean: over seeds, ± their standard deviation."] if seeds > 1 else []


def _counts(part: pd.DataFrame, subtasks: list[str]) -> str:
    """`600 prompts: 30 entities x 20 templates per subtask`, or the sizes of each subtask if they differ."""
    lines = part[part["subtask"].isin(subtasks)]
    sizes = {name: _sizes(of_subtask) for name, of_subtask in lines.groupby("subtask", sort=False)}
    if len(set(sizes.values())) == 1:
        return f"{next(iter(sizes.values()))} per subtask"
    return ", ".join(f"{name} {sizes[name]}" for name in SUBTASKS if name in sizes)


def _sizes(lines: pd.DataFrame) -> str:
    """The sizes of one subtask; runs of earlier versions do not have the number of templates."""
    sizes = lines[["n", "entities", "templates"]].drop_duplicates().sort_values("templates")
    distinct = sizes.drop_duplicates(["n", "entities"])
    return " or ".join(
        f"{line.n} prompts about {line.entities} entities"
        if pd.isna(line.templates)
        else f"{line.n} prompts: {line.entities} entities x {line.templates} templates"
        for line in distinct.itertuples()
    )


def _arithmetic(part: pd.DataFrame) -> list[str]:
    labels = [label for label in dict.fromkeys(part["arithmetic"]) if label]
    return [f"Trained in {' or '.join(labels)}."] if labels else []


def _weights(part: pd.DataFrame) -> list[str]:
    """Of models whose name does not say it."""
    labels = part[part["weights"] != ""].drop_duplicates(["model", "weights"])
    return [f"Weights of {line.model}: {line.weights}." for line in labels.itertuples()]


def _leaks(part: pd.DataFrame) -> list[str]:
    """The leaks of the datasets, with the experiments that have them unless all do."""
    names_of = {text: lines["experiment"].unique() for text, lines in part.groupby("leaks", sort=False) if text}
    total = part["experiment"].nunique()
    suffixes = {text: "" if len(names) == total else f" ({', '.join(names)})" for text, names in names_of.items()}
    return [f"Dataset leaks{suffix}: {text}." for text, suffix in suffixes.items()]


def _recipes(part: pd.DataFrame) -> list[str]:
    """The settings behind each value of the recipe column, if the table has one."""
    if not needs_recipe(part):
        return []
    recipes = part[["recipe", "settings"]].drop_duplicates()
    return ["Recipes: " + "; ".join(f"{line.recipe} {line.settings}" for line in recipes.itertuples()) + "."]
