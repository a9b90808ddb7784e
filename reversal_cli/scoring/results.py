"""What an evaluation says of one subtask, as metrics.json and curve.jsonl have it."""

from pydantic import Field

from reversal_cli.files.shapes import Shape
from reversal_cli.statistics.interval_units import Unit


class MetricScore(Shape):
    """The mean of a metric over rows, and its 95 % interval."""

    mean: float = Field(ge=0, le=1)
    low: float
    high: float


class SignificanceTest(Shape):
    """None where a test has no answer."""

    statistic: float | None
    p: float | None


class GapOverRows(Shape):
    """The log-probability gap with every row for itself."""

    n: int
    mean: float
    paired_t: SignificanceTest
    ks: SignificanceTest


class Gap(Shape):
    """The log-probability gap in nats: its tests are over the means of entities, in `rows` over rows."""

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
    """Every metric of a subtask, over all of its rows."""

    target: str = ""
    """What its prompts ask for; records of curve.jsonl do not say it."""
    n: int = Field(ge=0)
    """Rows."""
    entities: int = Field(ge=0)
    templates: int | None = Field(default=None, ge=0)
    """None where the rows do not say theirs."""
    intervals: Unit | None = None
    """What low and high are over; None: an earlier version, over entities."""
    metrics: dict[str, MetricScore]
    candidates: int | None = None
    """How many the target was ranked among; None where nothing was ranked, or by an earlier version."""
    log_probability_gap: Gap | None = None
