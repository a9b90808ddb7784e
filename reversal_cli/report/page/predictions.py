"""The predictions of several runs as columns for the page's browser, with each prompt stored once."""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.files.reading import JsonObject
from reversal_cli.plain_text import visible
from reversal_cli.report.frame import dataset_id
from reversal_cli.report.stored_predictions import Kept, count_kept, iterate_predictions
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Prediction
from reversal_cli.scoring import METRICS

NAMES_OF_BOTH = "both-directions/D2N"
"""Predictions of a control, whose targets are names of entities that no subtask asks for but a completion may name."""


class PagePredictions(NamedTuple):
    data: str | None
    """JSON for a script element; None if no run has predictions."""
    without: list[str]
    """Labels of the runs without predictions."""
    incomplete: list[str]
    """Runs with fewer predictions than their metrics count: label and numbers."""
    kept: list[Kept]
    """What each run keeps."""


def collect_predictions(runs: Sequence[RunDirectory]) -> PagePredictions:
    """Columns of every run's predictions, in the order of `SUBTASKS` and of the dataset.

    Two predictions belong to one prompt if they have the same dataset and id. A file is read once, and only the JSON of
    its columns stays in memory: 200 runs have half a million predictions.

    Raises ReversalError if a line is not a prediction.
    """
    columns = Columns()
    labels, kept, datasets = run_labels(runs), [], []
    for run, label in zip(runs, labels, strict=True):
        metrics = run.metrics
        datasets.append(dataset_id(metrics.dataset))
        numbers = columns.add_run(label, datasets[-1], {name: iterate_predictions(run, name) for name in SUBTASKS})
        kept.append(count_kept(run, metrics, numbers))
    for run, dataset in zip(runs, datasets, strict=True):
        if columns.lacks_names(dataset):
            columns.add_names(dataset, iterate_predictions(run, NAMES_OF_BOTH))
    labelled = list(zip(labels, kept, strict=True))
    without = [label for label, of_run in labelled if not of_run.has_some]
    partial = [f"{label} ({of_run.lacking})" for label, of_run in labelled if of_run.has_some and of_run.lacking]
    return PagePredictions(columns.as_json() if columns.runs else None, without, partial, kept)


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
    scores: list[dict[str, float | None]] = field(default_factory=list)

    def as_json(self) -> JsonObject:
        """The lists, with scores by metric in thousandths; null for ranks and named entities if no prediction has one:
        the page hides such a column."""
        unmeasured = [key for key in ("rank", "named") if all(value is None for value in vars(self)[key])]
        metrics = dict.fromkeys(itertools.chain.from_iterable(self.scores))
        by_metric = {name: thousandths([scores.get(name) for scores in self.scores]) for name in metrics}
        return vars(self) | dict.fromkeys(unmeasured) | {"scores": by_metric}


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
    runs: list[str] = field(default_factory=list)
    """The columns of each run as JSON."""

    def add_run(self, label: str, dataset: str, predictions: Mapping[str, Iterable[Prediction]]) -> dict[str, int]:
        """Adds the columns of a run if it has predictions (subtask -> predictions); returns their numbers."""
        run = RunColumns(label, dataset)
        numbers = {}
        for subtask, of_subtask in predictions.items():
            before = len(run.prompt)
            for prediction in of_subtask:
                self._add_prediction(run, subtask, prediction)
            numbers[subtask] = len(run.prompt) - before
        if run.prompt:
            self.runs.append(json_for_html(run.as_json()))
        return numbers

    def lacks_names(self, dataset: str) -> bool:
        """Whether some entity of the dataset has only an id so far."""
        return any(of == dataset and number not in self.names for (of, _), number in self.entities.items())

    def add_names(self, dataset: str, predictions: Iterable[Prediction]) -> None:
        """Adds the names of entities that have only ids so far."""
        for prediction in predictions:
            number = self.entities.get((dataset, prediction.entity_id))
            if number is not None:
                self.names.setdefault(number, prediction.target)

    def as_json(self) -> str:
        entities = [self.names.get(number, entity_id) for (_, entity_id), number in self.entities.items()]
        lower = [name for name, metric in METRICS.items() if metric.better == "lower"]
        start = f'{{"entities":{json_for_html(entities)},"prompts":{json_for_html(self.prompt_columns)}'
        return f'{start},"runs":[{",".join(self.runs)}],"lower":{json_for_html(lower)}}}'

    def _add_prediction(self, run: RunColumns, subtask: str, prediction: Prediction) -> None:
        entity = prediction.named_entity
        run.prompt.append(self._prompt(run.dataset, subtask, prediction))
        run.completion.append(prediction.completion)
        run.cut.append(int(not prediction.stopped))
        run.rank.append(prediction.ranking.rank if prediction.ranking else None)
        run.named.append(None if entity is None else self._entity(run.dataset, entity))
        run.scores.append(prediction.scores)

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


def thousandths(scores: Sequence[float | None]) -> list[int | None]:
    """Scores as whole numbers, to keep the page small. Only a full score is 1000; 0.9999 is 999."""
    values = np.array(scores, dtype=np.float64)  # NaN for None
    whole = np.where(values > 1 - 1e-9, 1000, np.minimum(999, np.round(1000 * values)))
    return [None if score is None else int(number) for score, number in zip(scores, whole.tolist(), strict=True)]


def json_for_html(content: Any) -> str:
    """JSON that cannot end the <script> around it: ASCII only, with <, > and & as escapes."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
