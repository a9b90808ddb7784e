"""How completions and ranks of one model differ between two precisions.

Evaluate a copy of a run in the other precision, then compare the two:

    cp -r results/quickstart/tiny-llama-bico results/bico-float32
    reversal eval results/bico-float32/seed-0 --dtype float32 --likelihood --overwrite
    python experiments/arithmetic.py results/quickstart/tiny-llama-bico/seed-0 results/bico-float32/seed-0
"""

import sys
from pathlib import Path

from reversal_cli.data.base import SUBTASKS
from reversal_cli.runs.directory import RunDirectory


def compare(first: RunDirectory, second: RunDirectory) -> list[str]:
    """Lines of a Markdown table, one for each subtask: how many predictions of the second run differ, and how far."""
    lines = ["| subtask | prompts | other completion | other `contains` | other rank | largest difference, nats |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for name in SUBTASKS:
        theirs = {prediction.id: prediction for prediction in second.read_predictions(name)}
        pairs = [(prediction, theirs[prediction.id]) for prediction in first.read_predictions(name)]
        ranked = [(a.ranking, b.ranking) for a, b in pairs if a.ranking and b.ranking]
        counts = [
            len(pairs),
            sum(a.completion != b.completion for a, b in pairs),
            sum(a.scores["contains"] != b.scores["contains"] for a, b in pairs),
            f"{sum(a.rank != b.rank for a, b in ranked)} of {len(ranked)}",
            f"{max((abs(a.log_probability - b.log_probability) for a, b in ranked), default=0.0):.2f}",
        ]
        lines.append(f"| {name} | {' | '.join(map(str, counts))} |")
    return lines


if __name__ == "__main__":
    print("\n".join(compare(*(RunDirectory(Path(argument)) for argument in sys.argv[1:3]))))
