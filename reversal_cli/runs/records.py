"""The formats of a run's files, one class each: manifest, metrics, predictions, logs.

A field without a default is one that every version has written. The JSONL files have no version of their own: that of
manifest.json or metrics.json beside them holds for them too.
"""

from pydantic import Field

from reversal_cli.files.reading import JsonObject
from reversal_cli.files.shapes import FileShape, Shape, Texts
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.scoring.results import SubtaskScores


class Retention(Shape):
    """The loss on text like that of the pretraining."""

    loss: float
    """In nats per token, the mean over all tokens of all texts."""
    tokens: int
    texts: int
    source: str
    """Where the texts are from, in words, or the path of their file."""
    sha256: str
    """Of the texts."""
    in_blank: bool | None = None
    """Whether a GLM of 2022 wrote them into a blank; None: an earlier version, where every GLM did."""


class Metrics(FileShape):
    """metrics.json"""

    complete: bool = True
    """False for a partial evaluation, which is not written."""
    subtasks: dict[str, SubtaskScores]
    dataset: Texts
    """Data file -> its SHA-256."""
    definitions: Texts = Field(default={})
    digest: str | None = None
    """Of the run's spec; None: not recorded by an earlier version."""
    evaluation: JsonObject = Field(default={})
    """The evaluation settings, as the version that wrote the file had them."""
    versions: Texts = Field(default={})
    """Package -> version."""
    controls: dict[str, dict[str, SubtaskScores]] = Field(default={})
    floors: dict[str, dict[str, SubtaskScores]] = Field(default={})
    retention: Retention | None = None
    """None: not measured."""


class StoredModel(Shape):
    name: str
    init: str | None = None
    source: str | None = None


class StoredObjective(Shape):
    """The name of an objective; its options are further fields."""

    name: str

    @property
    def trains(self) -> bool:
        """Whether it trains a model; True for an objective that this version does not know."""
        options = OBJECTIVE_SPECS.get(self.name)
        return options is None or options.trains


class StoredTransform(Shape):
    """The name of a transform; its options are further fields."""

    name: str = "none"


class StoredLora(Shape):
    r: int


class StoredTraining(Shape):
    tuning: str
    epochs: int
    stop_after_epochs: int | None = None
    token_budget: int | None = None
    batch_size: int
    learning_rate: float
    lora: StoredLora | None = None


class StoredEvaluation(Shape):
    max_new_tokens: int | None = None


class StoredSpec(Shape):
    """The part of a spec that tables show, from any version; `stored_spec` reads the whole."""

    name: str
    seed: int
    dataset: JsonObject = Field(default={})
    model: StoredModel
    objective: StoredObjective
    transform: StoredTransform = StoredTransform()
    training: StoredTraining
    evaluation: StoredEvaluation = StoredEvaluation()


class StoredLeak(Shape):
    """A leak of the dataset that `--allow-leaks` let through."""

    where: str
    count: int
    what: str
    remedy: str
    kind: str


class StoredDataset(Shape):
    path: str
    sha256: Texts = Field(default={})
    leaks: list[StoredLeak] = Field(default=[])
    """Absent in files of earlier versions, which did not look for leaks."""


class Arithmetic(Shape):
    """Precision and hardware, which decide the last digits of a training or an evaluation."""

    dtype: str | None = None
    device: str | None = None
    threads: int | None = None
    instructions: str | None = None


class TrainingFacts(Arithmetic):
    """Facts about a finished training; empty if there was nothing to train."""

    steps: int | None = None
    epochs: float | None = None
    rows: int | None = None
    """Drawn, repetitions included."""
    tokens: int | None = None
    """Read in training: no padding; masks, copies and blanks included."""
    labels: int | None = None
    """Tokens with a loss."""
    shown_reversed: int | None = None
    """Rows of an epoch that show an entity in the direction in which the dataset's training does not; None: as the
    dataset has it."""
    flops: float | None = None
    """Additions and multiplications of all steps, by `training/costs.py`; padding is not counted."""
    wall_seconds: float | None = None
    resumed: bool | None = None
    total_parameters: int | None = None
    trainable_parameters: int | None = None
    processes: int | None = None
    """That shared each batch; None: not recorded by an earlier version, which had one."""
    weights: Texts | None = None
    """File -> its SHA-256; None: not recorded by an earlier version."""
    finished: str | None = None


class Manifest(FileShape):
    """manifest.json"""

    spec: StoredSpec
    digest: str
    dataset: StoredDataset
    provenance: JsonObject = Field(default={})
    """A `Provenance`, as the version that made the run wrote it; only `started` is read, for the order of tables."""
    training: TrainingFacts | None = None
    """None until the weights are complete."""
    model: JsonObject | None = None
    """Identity of the checkpoint that the run began with."""
    evaluation: Arithmetic | None = None


class Ranking(Shape):
    """The rank of the target among the answers of all entities."""

    rank: int = Field(ge=1)
    """By summed log-probability."""
    rank_normalized: int = Field(ge=1)
    """By log-probability per token."""
    candidates: int
    log_probability: float
    tokens: int
    other_entity: str | None = None
    """The entity whose answer the target is compared with; None if there is no other one."""
    other_log_probability: float | None = None
    log_probabilities: dict[str, float] = Field(default={})
    """Entity -> summed log-probability of its answer; empty: not recorded by an earlier version."""


class ChoiceMade(Shape):
    """The letters of a multiple-choice question: the correct one and the model's."""

    options: list[str]
    """Entities in the order shown."""
    correct: str
    chosen: str


class Prediction(Shape):
    """A line of predictions/."""

    id: str
    entity_id: str
    template_id: str = ""
    prompt: str
    target: str
    completion: str
    stopped: bool
    named_entity: str | None = None
    scores: dict[str, float | None]
    ranking: Ranking | None = None
    choice: ChoiceMade | None = None


class LogRecord(Shape):
    """A line of train_log.jsonl."""

    step: int
    epoch: float = 0.0
    loss: float = 0.0
    seconds: float = 0.0
    learning_rate: float | None = None
    grad_norm: float | None = None


class CurveRecord(Shape):
    """A line of curve.jsonl."""

    epoch: int
    step: int
    seconds: float = 0.0
    prompts: str = ""
    """SHA-256 of the prompts; empty: not recorded by an earlier version."""
    subtasks: dict[str, SubtaskScores] = Field(default={})


class BaseModelRecord(FileShape):
    """pretrain.json: what a base model was made with."""

    spec: JsonObject
    corpus_sha256: str = ""
    training: TrainingFacts = TrainingFacts()
