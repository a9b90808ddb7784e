"""The learning rate and weight decay of each method that did best on validation prompts: a Markdown table.

    python experiments/choose-recipe.py results/published/tuning > results/published/tuning.md

A method is a model with an objective (on a GLM in blanks or without) and a transform, whatever their other options: a
folder should hold one variant of each. Best is the highest mean of the four subtasks at the end of the training, of
`contains` or, with `--metric rank_top1`, of what `training.eval_likelihood` measured; of two alike, the smaller
learning rate. An edge of the grid is marked.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from reversal_cli.data.base import SUBTASKS
from reversal_cli.runs.directory import RunDirectory


class Tried(NamedTuple):
    """A run of the grid."""

    accuracy: float
    """Mean of the subtasks, 0 to 1."""
    learning_rate: float
    weight_decay: float
    subtasks: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--metric", default="contains")
    arguments = parser.parse_args()
    methods = read_methods(arguments.results, arguments.metric)
    print("\n".join(table(methods)))


def read_methods(results: Path, metric: str = "contains") -> dict[str, list[Tried]]:
    """Method -> its finished runs."""
    methods: dict[str, list[Tried]] = defaultdict(list)
    for path in sorted(results.glob("*/seed-*")):
        run = RunDirectory(path)
        if not (run.is_trained and run.curve_path.is_file()):
            continue
        curve = run.read_curve()
        if not curve:
            continue
        spec, last = run.manifest.spec, curve[-1]
        subtasks = [last.subtasks[name].metrics[metric].mean for name in SUBTASKS]
        training, transform = spec.training.model_dump(), spec.transform.model_dump()
        kind = [] if transform["name"] == "none" else [transform["name"], transform.get("unit", "")]
        form = "causal" if spec.objective.model_dump().get("glm_form") == "causal" else ""
        name = " ".join(filter(None, [spec.model.name, spec.objective.name, form, *kind]))
        methods[name].append(
            Tried(sum(subtasks) / len(subtasks), training["learning_rate"], training["weight_decay"], subtasks)
        )
    return methods


def table(methods: dict[str, list[Tried]]) -> list[str]:
    head = ["method", "runs", "learning rate", "weight decay", *SUBTASKS, "mean", "mean of the others"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, runs in methods.items():
        best = max(runs, key=lambda run: (run.accuracy, -run.learning_rate))
        rates = sorted({run.learning_rate for run in runs})
        edge = " (edge)" if len(rates) > 1 and best.learning_rate in (rates[0], rates[-1]) else ""
        cells = [
            name,
            str(len(runs)),
            f"{best.learning_rate:g}{edge}",
            f"{best.weight_decay:g}",
            *(f"{100 * value:.1f}" for value in [*best.subtasks, best.accuracy]),
            ", ".join(f"{100 * run.accuracy:.1f}" for run in runs if run is not best) or "–",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
