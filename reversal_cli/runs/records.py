"""The record types of a run's files: manifest, metrics, predictions, logs. They are checked when a file is read.

Every field may be absent, since older versions wrote fewer, and there may be more of them; whoever needs a field says
so. What is there has the type given here.
"""

from typing import Any

from pydantic import Field

from reversal_cli.files.shapes import Shape, Texts
from reversal_cli.statistics.clusters import Unit


class Estimate(Shape):
    """A mean score and its interval."""

    mean: float = Field(default=0.0, ge=0, le=1)
    low: float | None = None
    high: float | None = None


class TestResult(Shape):
    """A statistic and its p-value; None where a test has no answer."""

    statistic: float | None = None
    p: float | None = None


class GapOverRows(Shape):
    """The log-probability gap over rows."""

    mean: float = 0.0
    n: int = 0
    paired_t: TestResult = TestResult()
    ks: TestResult = TestResult()


class Gap(GapOverRows):
    """The log-probability gap over entities, and over rows."""

    low: float | None = None
    high: float | None = None
    entities: int = 0
    intervals: Unit = "entities"
    rows: GapOverRows = GapOverRows()


class Measured(Shape):
    """What was measured of one subtask."""

    n: int = Field(default=1, ge=0)
    entities: int = Field(default=1, ge=0)
    templates: int | None = Field(default=None, ge=0)
    intervals: Unit = "entities"
    target: str = ""
    metrics: dict[str, Estimate] = Field(default={})
    candidates: int | None = None
    log_probability_gap: Gap | None = None


class Metrics(Shape):
    """metrics.json"""

    complete: bool = True
    dataset: Texts = Field(default={})
    definitions: Texts = Field(default={})
    digest: str = ""
    evaluation: dict[str, Any] = Field(default={})
    subtasks: dict[str, Measured] = Field(default={})
    versions: Texts = Field(default={})
    controls: dict[str, dict[str, Measured]] = Field(default={})
    floors: dict[str, dict[str, Measured]] = Field(default={})


class StoredModel(Shape):
    name: str = ""


class StoredObjective(Shape):
    name: str = ""


class StoredLora(Shape):
    r: int = 1


class StoredTraining(Shape):
    tuning: str = ""
    epochs: int = 1
    stop_after_epochs: int | None = None
    batch_size: int = 1
    learning_rate: float = 0.0
    lora: StoredLora = StoredLora()


class StoredEvaluation(Shape):
    max_new_tokens: int | None = None


class StoredSpec(Shape):
    """As much of a spec as tables show; `stored_spec` reads the whole."""

    name: str = ""
    seed: int = 0
    dataset: dict[str, Any] = Field(default={})
    model: StoredModel = StoredModel()
    objective: StoredObjective = StoredObjective()
    training: StoredTraining = StoredTraining()
    evaluation: StoredEvaluation = StoredEvaluation()


class StoredLeak(Shape):
    where: str = ""
    count: int = 0
    what: str = ""
    remedy: str = ""
    kind: str = ""


class StoredDataset(Shape):
    path: str = ""
    sha256: Texts = Field(default={})
    leaks: list[StoredLeak] = Field(default=[])


class Arithmetic(Shape):
    """What decides the last digits of a training or an evaluation."""

    dtype: str | None = None
    device: str | None = None
    instructions: str | None = None
    threads: int | None = None


class TrainingSection(Arithmetic):
    """What came of a training."""

    weights: Texts | None = None


class StoredProvenance(Shape):
    """Where a run comes from, as far as tables ask for it."""

    started: str = ""


class Manifest(Shape):
    """manifest.json"""

    spec: StoredSpec = StoredSpec()
    digest: str = ""
    dataset: StoredDataset = StoredDataset()
    training: TrainingSection = TrainingSection()
    evaluation: Arithmetic = Arithmetic()
    model: dict[str, Any] | None = None
    provenance: StoredProvenance = StoredProvenance()


class Ranking(Shape):
    rank: int = Field(default=1, ge=1)
    rank_normalized: int = Field(default=1, ge=1)
    candidates: int = 1
    log_probability: float = 0.0
    other_log_probability: float = 0.0


class Choice(Shape):
    chosen: str = ""
    correct: str = ""


class Prediction(Shape):
    """A line of predictions/."""

    id: str = ""
    entity_id: str = ""
    template_id: str = ""
    prompt: str = ""
    target: str = ""
    completion: str = ""
    stopped: bool = True
    named_entity: str | None = None
    scores: dict[str, float | None] = Field(default={})
    ranking: Ranking | None = None
    choice: Choice | None = None


class LogRecord(Shape):
    """A line of train_log.jsonl."""

    step: int
    epoch: float = 0.0
    loss: float = 0.0
    seconds: float = 0.0


class CurveRecord(Shape):
    """A line of curve.jsonl."""

    step: int
    epoch: int = 0
    prompts: str = ""
    subtasks: dict[str, Measured] = Field(default={})


class BaseModelRecord(Shape):
    """pretrain.json"""

    spec: dict[str, Any] = Field(default={})
