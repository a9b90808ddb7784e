"""The predictions of several runs as columns for the page's browser, with each prompt stored once."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.files.reading import JsonObject
from reversal_cli.plain_text import visible
from reversal_cli.report.frame import dataset_id
from reversal_cli.report.stored_predictions import incomplete
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Prediction
from reversal_cli.scoring import METRICS

NAMES_OF_BOTH = "both-directions/D2N"
"""Predictions of a control, whose targets are names of entities that no subtask asks for but a completion may name."""


class PagePredictions(NamedTuple):
    data: JsonObject | None
    """The content of the JSON; None if no run has predictions."""
    without: list[str]
    """Labels of the runs without predictions."""
    incomplete: list[str]
    """Runs with fewer predictions than their metrics count: label and numbers."""


def collect_predictions(runs: Sequence[RunDirectory]) -> PagePredictions:
    """Columns of every run's predictions, in the order of `SUBTASKS` and of the dataset.

    Two predictions belong to one prompt if they have the same dataset and id.
    """
    columns = Columns()
    without, partial = [], []
    for run, label in zip(runs, run_labels(runs), strict=True):
        dataset = dataset_id(run.metrics.dataset)
        predictions = {subtask: run.read_predictions(subtask) for subtask in SUBTASKS}
        if any(predictions.values()):
            columns.add_run(label, dataset, predictions)
            if lacking := incomplete(run.metrics, {subtask: len(lines) for subtask, lines in predictions.items()}):
                partial.append(f"{label} ({lacking})")
            columns.add_names(dataset, run.read_predictions(NAMES_OF_BOTH))
        else:
            without.append(label)
    return PagePredictions(columns.as_json() if columns.runs else None, without, partial)


def run_labels(runs: Sequence[RunDirectory]) -> list[str]:
    """`bico seed 0`, with the folder if another run has the same name and seed."""
    specs = [run.manifest.spec for run in runs]
    labels = [f"{spec.name} seed {spec.seed}" for spec in specs]
    return [
        visible(f"{label} ({run.path})" if labels.count(label) > 1 else label)
        for run, label in zip(runs, labels, strict=True)
    ]


@dataclass
class RunColumns:
    """The predictions of one run, one value per prediction in each list."""

    name: str
    dataset: str
    prompt: list[int] = field(default_factory=list)
    """Numbers of prompts."""
    completion: list[str] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    """1: the model did not stop, so the completion was cut."""
    rank: list[int | None] = field(default_factory=list)
    named: list[int | None] = field(default_factory=list)
    """Numbers of entities."""
    scores: dict[str, list[int | None]] = field(default_factory=dict)
    """Metric -> scores in thousandths."""

    def as_json(self) -> JsonObject:
        """The lists; null for ranks and named entities if no prediction has one: the page hides such a column."""
        unmeasured = [key for key in ("rank", "named") if all(value is None for value in vars(self)[key])]
        return vars(self) | dict.fromkeys(unmeasured)


@dataclass
class Columns:
    """Fills the columns run by run. Entities and prompts are numbered by first occurrence."""

    entities: dict[tuple[str, str], int] = field(default_factory=dict)
    """(dataset, entity id) -> number"""
    names: dict[int, str] = field(default_factory=dict)
    """Entity -> name, for entities whose name is the target of some prompt, including those of controls."""
    prompts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(dataset, prompt id) -> number"""
    prompt_columns: dict[str, list[Any]] = field(
        default_factory=lambda: {"id": [], "subtask": [], "entity": [], "text": [], "target": []}
    )
    runs: list[RunColumns] = field(default_factory=list)

    def add_run(self, label: str, dataset: str, predictions: dict[str, list[Prediction]]) -> None:
        every = itertools.chain.from_iterable(predictions.values())
        run = RunColumns(label, dataset, scores={metric: [] for prediction in every for metric in prediction.scores})
        for subtask, of_subtask in predictions.items():
            for prediction in of_subtask:
                self._add_prediction(run, subtask, prediction)
        self.runs.append(run)

    def add_names(self, dataset: str, predictions: Sequence[Prediction]) -> None:
        """Adds the names of entities that have only ids so far."""
        for prediction in predictions:
            number = self.entities.get((dataset, prediction.entity_id))
            if number is not None:
                self.names.setdefault(number, prediction.target)

    def as_json(self) -> JsonObject:
        entities = [self.names.get(number, entity_id) for (_, entity_id), number in self.entities.items()]
        lower = [name for name, metric in METRICS.items() if metric.better == "lower"]
        runs = [run.as_json() for run in self.runs]
        return {"entities": entities, "prompts": self.prompt_columns, "runs": runs, "lower": lower}

    def _add_prediction(self, run: RunColumns, subtask: str, prediction: Prediction) -> None:
        entity = prediction.named_entity
        run.prompt.append(self._prompt(run.dataset, subtask, prediction))
        run.completion.append(prediction.completion)
        run.cut.append(int(not prediction.stopped))
        run.rank.append(prediction.ranking.rank if prediction.ranking else None)
        run.named.append(None if entity is None else self._entity(run.dataset, entity))
        for metric, scores in run.scores.items():
            scores.append(thousandths(prediction.scores.get(metric)))

    def _prompt(self, dataset: str, subtask: str, prediction: Prediction) -> int:
        key = (dataset, prediction.id)
        if key not in self.prompts:
            self.prompts[key] = len(self.prompts)
            entity = self._entity(dataset, prediction.entity_id)
            if TARGETS[subtask] == "name":
                self.names.setdefault(entity, prediction.target)
            values = (prediction.id, subtask, entity, prediction.prompt, prediction.target)
            for column, value in zip(self.prompt_columns.values(), values, strict=True):
                column.append(value)
        return self.prompts[key]

    def _entity(self, dataset: str, entity_id: str) -> int:
        return self.entities.setdefault((dataset, entity_id), len(self.entities))


def thousandths(score: float | None) -> int | None:
    """A score as a whole number, to keep the page small. Only a full score is 1000; 0.9999 is 999."""
    if score is None:
        return None
    return 1000 if score > 1 - 1e-9 else min(999, round(1000 * score))
