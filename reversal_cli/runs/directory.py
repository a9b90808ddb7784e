"""The files of a run. No other module builds a path inside a run folder.

RESULTS/<experiment>/seed-<n>/
    manifest.json               spec, digest, provenance; `training` is added when the weights are complete
    train_log.jsonl             one line per logged step
    curve.jsonl                 one line per evaluated epoch
    checkpoints/                to continue an interrupted training; removed when the weights are complete
    tensorboard/ or wandb/      the same log for these tools, if training.report_to names one
    adapter/ or model/          the trained weights, with the tokenizer
    predictions/<subtask>.jsonl one line per prompt, or <subtask>.jsonl.xz; of the controls in predictions/<control>/
    metrics.json                written last: if it exists, the run is complete
    .overwrite/                 predictions and metrics of an unfinished `eval --overwrite`
"""

import contextlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import PACKED
from reversal_cli.files.shapes import S, Shape, read_shape, read_shapes
from reversal_cli.files.writing import json_lines, write_text
from reversal_cli.processes.place import is_first
from reversal_cli.runs.lock import locked
from reversal_cli.runs.records import CurveRecord, LogRecord, Manifest, Metrics, Prediction
from reversal_cli.runs.remedies import evaluate_again, predict_again

RESTORE_MANIFEST = "restore it, or make the run again with --overwrite"
"""What to do about a broken manifest.json: nothing else shows which spec the weights and predictions belong to."""


def write_json(path: Path, content: Any) -> None:
    """Writes indented and sorted JSON, so that two versions of a file can be compared by eye."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


class RunDirectory:
    """One run on disk.

    evaluation: folder of its predictions and metrics; the run's own unless they are to replace older ones.
    """

    def __init__(self, path: Path, evaluation: Path | None = None):
        self.path = path
        self.evaluation_path = evaluation or path

    def __repr__(self) -> str:
        return f"RunDirectory({self.path})"

    @property
    def manifest_path(self) -> Path:
        return self.path / "manifest.json"

    @property
    def train_log_path(self) -> Path:
        return self.path / "train_log.jsonl"

    @property
    def curve_path(self) -> Path:
        return self.path / "curve.jsonl"

    @property
    def checkpoints_path(self) -> Path:
        return self.path / "checkpoints"

    @property
    def tensorboard_path(self) -> Path:
        return self.path / "tensorboard"

    @property
    def wandb_path(self) -> Path:
        return self.path / "wandb"

    @property
    def adapter_path(self) -> Path:
        return self.path / "adapter"

    @property
    def model_path(self) -> Path:
        return self.path / "model"

    @property
    def metrics_path(self) -> Path:
        return self.evaluation_path / "metrics.json"

    @property
    def all_predictions_path(self) -> Path:
        return self.evaluation_path / "predictions"

    def predictions_path(self, subtask: str) -> Path:
        """The file to read; the packed one if there is no other."""
        path, packed = self._predictions(subtask), self._predictions(subtask, PACKED)
        return packed if packed.is_file() and not path.is_file() else path

    def _predictions(self, subtask: str, suffix: str = "") -> Path:
        return self.all_predictions_path / f"{subtask}.jsonl{suffix}"

    @property
    def has_predictions(self) -> bool:
        """Whether any are on disk, of the subtasks or the controls."""
        files = self.all_predictions_path.rglob("[!.]*")  # hidden: what a killed command was writing
        return any(file.name.endswith((".jsonl", f".jsonl{PACKED}")) and file.stat().st_size for file in files)

    @property
    def replaces(self) -> bool:
        """Whether the predictions and metrics are to replace those of the run: see `overwriting`."""
        return self.evaluation_path != self.path

    @property
    def arithmetic_path(self) -> Path:
        """The arithmetic of an evaluation that replaces another, until `take_over` moves it to the manifest."""
        return self.evaluation_path / "arithmetic.json"

    @property
    def overwriting(self) -> "RunDirectory":
        """The run for `eval --overwrite`: older predictions and metrics stay until `take_over`."""
        return RunDirectory(self.path, self.path / ".overwrite")

    @property
    def manifest(self) -> Manifest:
        """Raises ReversalError if the folder is not a run, or the file is not a manifest."""
        if not self.manifest_path.is_file():
            raise ReversalError(f"{self.path}: has no manifest.json; expected the folder of a run; check the path")
        return read_shape(self.manifest_path, Manifest, RESTORE_MANIFEST)

    def write_manifest(self, manifest: Manifest) -> None:
        write_json(self.manifest_path, manifest.content())

    @property
    def metrics(self) -> Metrics:
        """The metrics of all subtasks. Raises ReversalError if the file is absent or incomplete."""
        remedy = evaluate_again(self)
        metrics = read_shape(self.metrics_path, Metrics, remedy)
        missing = [f"subtasks.{name}" for name in SUBTASKS if name not in metrics.subtasks]
        missing += [f"dataset.{stem}.jsonl" for stem in SUBTASKS.values() if f"{stem}.jsonl" not in metrics.dataset]
        if missing:
            raise ReversalError(f"{self.metrics_path}: lacks '{missing[0]}'; expected all four subtasks; {remedy}")
        return metrics

    def write_metrics(self, metrics: Metrics) -> None:
        write_json(self.metrics_path, metrics.content())

    @property
    def is_trained(self) -> bool:
        """Whether there is nothing left to train: the weights are complete, or the objective does not train."""
        return self.manifest_path.is_file() and self.manifest.training is not None

    @property
    def is_complete(self) -> bool:
        return self.metrics_path.is_file()

    def append_log(self, record: LogRecord) -> None:
        _append(self.train_log_path, record)

    def trim_log(self, last_step: int) -> list[LogRecord]:
        """Keeps the records up to a step and returns them: a continued training repeats only the later ones."""
        records = read_shapes(self.train_log_path, LogRecord, "remove the file and continue without it")
        return _keep(self.train_log_path, [record for record in records if record.step <= last_step])

    def append_curve(self, record: CurveRecord) -> None:
        _append(self.curve_path, record)

    def trim_curve(self, last_step: int) -> list[CurveRecord]:
        """As `trim_log`."""
        records = read_shapes(self.curve_path, CurveRecord, "remove the file and continue without it")
        return _keep(self.curve_path, [record for record in records if record.step <= last_step])

    def read_curve(self) -> list[CurveRecord]:
        """A record per evaluated epoch; none if training was not evaluated."""
        return read_shapes(self.curve_path, CurveRecord, "remove the file and plot without it")

    def read_predictions(self, subtask: str) -> list[Prediction]:
        """The predictions so far; none if the file is absent."""
        return read_shapes(self.predictions_path(subtask), Prediction, predict_again(self))

    def append_predictions(self, subtask: str, predictions: Iterable[Prediction]) -> None:
        """Appends whole lines, after `write_predictions`; an interruption cuts at most the last line."""
        path = self._predictions(subtask)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json_lines(prediction.content() for prediction in predictions))

    def write_predictions(self, subtask: str, predictions: Iterable[Prediction]) -> None:
        """Replaces the file, also a packed one, by one that is not packed; a packed file with these stays."""
        predictions = list(predictions)
        packed = self._predictions(subtask, PACKED)
        if self.predictions_path(subtask) == packed and self.read_predictions(subtask) == predictions:
            return
        write_text(self._predictions(subtask), json_lines(prediction.content() for prediction in predictions))
        packed.unlink(missing_ok=True)

    def remove_checkpoints(self) -> None:
        shutil.rmtree(self.checkpoints_path, ignore_errors=True)

    def take_over(self) -> None:
        """Replaces the evaluation of the run with that of `overwriting`, if that is complete.

        Can be called again after an interruption: metrics.json is moved last.
        """
        new = self.overwriting
        if not new.is_complete:
            return
        if new.all_predictions_path.is_dir():
            self._clear_evaluation()
            new.all_predictions_path.replace(self.all_predictions_path)
        new.metrics_path.replace(self.metrics_path)
        shutil.rmtree(new.evaluation_path)

    def _clear_evaluation(self) -> None:
        self.metrics_path.unlink(missing_ok=True)
        shutil.rmtree(self.all_predictions_path, ignore_errors=True)

    def clear(self) -> None:
        """Removes the files of the run and leaves all others."""
        self._clear_evaluation()
        logs = (self.tensorboard_path, self.wandb_path)
        weights = (self.checkpoints_path, self.adapter_path, self.model_path)
        for folder in (*logs, *weights, self.overwriting.evaluation_path):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.train_log_path, self.curve_path, self.manifest_path):
            file.unlink(missing_ok=True)

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Lets one command, by its first process, work in the folder at a time. Raises ReversalError for another."""
        return locked(self.path) if is_first() else contextlib.nullcontext()


def _append(path: Path, record: Shape) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(_log_line(record))


def _keep(path: Path, records: list[S]) -> list[S]:
    if path.is_file():
        write_text(path, "".join(map(_log_line, records)))
    return records


def _log_line(record: Shape) -> str:
    return json.dumps(record.content(), sort_keys=True, allow_nan=False) + "\n"


def run_path(results: Path, experiment: str, seed: int) -> Path:
    """The folder of a run."""
    return results / experiment / f"seed-{seed}"
