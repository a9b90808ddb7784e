"""The scores of a subtask, as metrics.json and curve.jsonl store them."""

from pydantic import Field

from reversal_cli.files.shapes import Shape
from reversal_cli.statistics.interval_units import Unit


class MetricScore(Shape):
    """The mean of a metric over examples, and its 95 % interval."""

    mean: float = Field(ge=0, le=1)
    low: float
    high: float


class SignificanceTest(Shape):
    """A test; both None if it is undefined."""

    statistic: float | None
    p: float | None


class GapOverRows(Shape):
    """The log-probability gap with tests over examples, as if these were independent."""

    n: int
    mean: float
    paired_t: SignificanceTest
    ks: SignificanceTest


class Gap(Shape):
    """The log-probability gap in nats; its tests are over the means of entities, those in `rows` over examples."""

    entities: int
    intervals: Unit | None = None
    """What low and high are over; None: an earlier version, over entities."""
    mean: float
    low: float | None = None
    high: float | None = None
    paired_t: SignificanceTest
    ks: SignificanceTest
    rows: GapOverRows


class SubtaskScores(Shape):
    """Every metric of a subtask, over all of its examples."""

    target: str = ""
    """The kind of its answers, "name" or "description"; empty in curve.jsonl."""
    n: int = Field(ge=0)
    """Examples."""
    entities: int = Field(ge=0)
    templates: int | None = Field(default=None, ge=0)
    """None if some example has no template id."""
    intervals: Unit | None = None
    """What low and high are over; None: an earlier version, over entities."""
    metrics: dict[str, MetricScore]
    candidates: int | None = None
    """Number of answers in the ranking; None without a ranking and in files of earlier versions."""
    log_probability_gap: Gap | None = None
