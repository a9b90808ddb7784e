"""The predictions of several runs as columns, each prompt stored once: what the page's browser reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.errors import ReversalError
from reversal_cli.plain_text import visible
from reversal_cli.report.frame import dataset_id
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.scoring import METRICS

Record = dict[str, Any]
NAMES_OF_BOTH = "both-directions/D2N"
"""Predictions of a control whose targets are the names of entities about which no subtask asks, but which a completion
may name."""


class PagePredictions(NamedTuple):
    data: dict[str, Any] | None
    """What becomes JSON; None where no run has predictions."""
    without: list[str]
    """Labels of the runs that have none."""


def collect_predictions(runs: Sequence[RunDirectory]) -> PagePredictions:
    """Columns of every run's predictions, in the order of `SUBTASKS` and of the dataset.

    Two predictions belong to one prompt when dataset and id are the same.
    Raises ReversalError where a line is no prediction.
    """
    columns = Columns()
    without = []
    for run, label in zip(runs, run_labels(runs), strict=True):
        dataset = dataset_id(run.metrics["dataset"])
        records = {subtask: run.read_predictions(subtask) for subtask in SUBTASKS}
        if any(records.values()):
            columns.add_run(run, label, dataset, records)
            columns.add_names(dataset, run.read_predictions(NAMES_OF_BOTH))
        else:
            without.append(label)
    return PagePredictions(columns.as_json() if columns.runs else None, without)


def run_labels(runs: Sequence[RunDirectory]) -> list[str]:
    """`bico seed 0`, with the folder where another run has that name and seed too."""
    specs = [run.manifest["spec"] for run in runs]
    labels = [f"{spec['name']} seed {spec['seed']}" for spec in specs]
    return [
        visible(f"{label} ({run.path})" if labels.count(label) > 1 else label)
        for run, label in zip(runs, labels, strict=True)
    ]


@dataclass
class Columns:
    """Fills the columns run by run. Entities and prompts are numbered in the order in which they are first seen."""

    entities: dict[tuple[str, str], int] = field(default_factory=dict)
    """(dataset, entity id) -> number"""
    names: dict[int, str] = field(default_factory=dict)
    """Entity -> name, for entities whose name is the target of some prompt, that of a control included."""
    prompts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(dataset, prompt id) -> number"""
    prompt_columns: dict[str, list[Any]] = field(
        default_factory=lambda: {"id": [], "subtask": [], "entity": [], "text": [], "target": []}
    )
    runs: list[dict[str, Any]] = field(default_factory=list)

    def add_run(self, run: RunDirectory, label: str, dataset: str, records: dict[str, list[Record]]) -> None:
        column: dict[str, Any] = {"name": label, "dataset": dataset}
        column |= {key: [] for key in ("prompt", "completion", "cut", "rank", "named")}
        try:
            every = [record for of_subtask in records.values() for record in of_subtask]
            column["scores"] = {metric: [] for record in every for metric in record["scores"]}
            for subtask, of_subtask in records.items():
                for record in of_subtask:
                    self._add_prediction(column, dataset, subtask, record)
        except (KeyError, TypeError, AttributeError) as error:
            raise ReversalError(
                f"{run.path / 'predictions'}: found a line with {type(error).__name__} {error}; expected one "
                f"prediction per line; run `reversal eval --overwrite {run.path}`"
            ) from None
        for key in ("rank", "named"):
            if all(value is None for value in column[key]):
                column[key] = None  # not measured: the page shows no such column
        self.runs.append(column)

    def add_names(self, dataset: str, records: Sequence[Record]) -> None:
        """Names of entities that are known by their ids so far."""
        for record in records:
            number = self.entities.get((dataset, record.get("entity_id", "")))
            if number is not None and record.get("target"):
                self.names.setdefault(number, record["target"])

    def as_json(self) -> dict[str, Any]:
        entities = [self.names.get(number, entity_id) for (_, entity_id), number in self.entities.items()]
        lower = [name for name, metric in METRICS.items() if metric.better == "lower"]
        return {"entities": entities, "prompts": self.prompt_columns, "runs": self.runs, "lower": lower}

    def _add_prediction(self, column: dict[str, Any], dataset: str, subtask: str, record: Record) -> None:
        named = record.get("named_entity")
        column["prompt"].append(self._prompt(dataset, subtask, record))
        column["completion"].append(record["completion"])
        column["cut"].append(int(not record["stopped"]))
        column["rank"].append(record["ranking"]["rank"] if record.get("ranking") else None)
        column["named"].append(None if named is None else self._entity(dataset, named))
        for metric, scores in column["scores"].items():
            scores.append(thousandths(record["scores"].get(metric)))

    def _prompt(self, dataset: str, subtask: str, record: Record) -> int:
        key = (dataset, record["id"])
        if key not in self.prompts:
            self.prompts[key] = len(self.prompts)
            entity = self._entity(dataset, record["entity_id"])
            if TARGETS[subtask] == "name":
                self.names.setdefault(entity, record["target"])
            values = (record["id"], subtask, entity, record["prompt"], record["target"])
            for column, value in zip(self.prompt_columns.values(), values, strict=True):
                column.append(value)
        return self.prompts[key]

    def _entity(self, dataset: str, entity_id: str) -> int:
        return self.entities.setdefault((dataset, entity_id), len(self.entities))


def thousandths(score: float | None) -> int | None:
    """A score as a whole number, to keep the page small; 1000 stands for a full score only, 0.9999 is 999."""
    if score is None:
        return None
    return 1000 if score > 1 - 1e-9 else min(999, round(1000 * score))
