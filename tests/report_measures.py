"""What newer runs measure besides accuracy, made up and added to the finished runs of report_runs."""

import json
from typing import Any

from raw_records import write_raw_predictions
from report_runs import make_run

from reversal_cli.data.base import SUBTASKS
from reversal_cli.files.reading import read_json
from reversal_cli.files.writing import write_text
from reversal_cli.runs.directory import RunDirectory, write_json


def change_metrics(run: RunDirectory, **changes: Any) -> None:
    write_json(run.metrics_path, read_json(run.metrics_path) | changes)


def add_definitions(run: RunDirectory, **definitions: str) -> None:
    change_metrics(run, definitions=definitions)


def estimate(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": max(0.0, mean - 0.1), "high": min(1.0, mean + 0.1)}


def block(mean: float, entities: int = 30) -> dict[str, Any]:
    sizes = {"n": 10 * entities, "entities": entities, "templates": 10, "intervals": "entities-and-templates"}
    return {"target": "name", **sizes, "metrics": {"contains": estimate(mean)}}


def add_references(run: RunDirectory, both: float = 0.9, in_context: float = 0.95) -> None:
    """Both floors on all subtasks, both-directions on the forward ones only, in-context on all."""
    floors = {
        "wrong entity": {name: block(0.0) for name in SUBTASKS},
        "other wording": {name: block(0.36 if name in ("N2D", "D2N-reverse") else 1.0) for name in SUBTASKS},
    }
    controls = {
        "both-directions": {name: block(both) for name in ("N2D", "D2N")},
        "in-context": {name: block(in_context) for name in SUBTASKS},
    }
    change_metrics(run, floors=floors, controls=controls)


def add_likelihood(run: RunDirectory, top1: float = 0.5, candidates: int | None = 60) -> None:
    """Ranking, rates, multiple choice and the log-probability gap of every subtask."""
    measured = read_json(run.metrics_path)["subtasks"]
    means = {"rank_top1": top1, "mrr": (1 + top1) / 2, "rank_top1_normalized": top1, "mrr_normalized": top1}
    means |= {"inverse_rank_top1": top1, "inverse_mrr": (1 + top1) / 2}
    rates = {"shortcut": 0.0, "wrong_entity": 0.4, "multiple_choice": 0.75}
    for subtask in measured.values():
        subtask["metrics"] |= {name: estimate(mean) for name, mean in (means | rates).items()}
        subtask["log_probability_gap"] = gap()
        if candidates:
            subtask["candidates"] = candidates
    change_metrics(run, subtasks=measured)


def gap() -> dict[str, Any]:
    tests = {"paired_t": {"statistic": 2.5, "p": 0.0183}, "ks": {"statistic": 0.4, "p": 0.0159}}
    rows = {"n": 300, "mean": 1.5, "paired_t": {"statistic": 8.1, "p": 1.3e-14}, "ks": {"statistic": 0.4, "p": 3e-9}}
    return {
        "entities": 30,
        "intervals": "entities-and-templates",
        "mean": 1.5,
        "low": 0.4,
        "high": 2.6,
        **tests,
        "rows": rows,
    }


def add_costs(run: RunDirectory, retention: float | None = None, **facts: Any) -> None:
    """What the training of the run cost, without leaks in its dataset; retention in nats per token."""
    content = read_json(run.manifest_path)
    content["dataset"]["leaks"] = []
    write_json(run.manifest_path, content | {"training": facts})
    if retention is not None:
        texts = {"tokens": 7000, "texts": 500, "source": "a corpus", "sha256": "ab" * 32}
        change_metrics(run, retention={"loss": retention, **texts})


def add_curve(run: RunDirectory, last: dict[str, float], epochs: int = 5) -> None:
    """Accuracy that rises in a line to `last`."""
    records = [
        {
            "epoch": epoch,
            "step": 100 * epoch,
            "subtasks": {name: block(end * epoch / epochs) for name, end in last.items()},
        }
        for epoch in range(1, epochs + 1)
    ]
    write_text(run.curve_path, "".join(json.dumps(record) + "\n" for record in records))


def add_predictions(run: RunDirectory, right: dict[str, float], entities: int = 6, templates: int = 4) -> None:
    """Entity e is right in the first `right * templates + e % 2` templates."""
    for subtask in SUBTASKS:
        group = "name-first" if subtask.startswith("N2D") else "description-first"
        records = [
            {
                "id": f"{subtask}/{templates * entity + template}",
                "entity_id": f"{group}/{entity}",
                "template_id": f"test-{template}",
                "prompt": f"prompt {template} about {entity}",
                "target": f"target {entity}",
                "completion": " something.",
                "stopped": True,
                "scores": {"contains": float(template < right.get(subtask, 0) * templates + entity % 2)},
            }
            for entity in range(entities)
            for template in range(templates)
        ]
        write_raw_predictions(run, subtask, records)


def make_seeds(folder, n2d_reverse: dict[str, list[float]], own: bool = False) -> None:
    """Runs of each method with seeds 0, 1, ...; own: every seed has a benchmark of its own."""
    for method, values in n2d_reverse.items():
        for seed, value in enumerate(values):
            data = f"x-seed-{seed}" if own else "a"
            run = make_run(folder, method, method, {"N2D-reverse": value}, seed=seed, data=data)
            add_costs(run, tokens=1000 * (seed + 1), labels=10)
            if own:
                content = read_json(run.manifest_path)
                content["spec"]["dataset"]["generator"] = {"entities": 30, "seed": seed}
                write_json(run.manifest_path, content)
