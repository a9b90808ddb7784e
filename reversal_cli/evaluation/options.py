"""What `reversal eval` may choose that is no part of a run's spec."""

from dataclasses import dataclass

from reversal_cli.spec.experiment import EvaluationSpec


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What `eval` may choose without making it another experiment."""

    batch_size: int | None = None
    """Prompts per batch; None: as the spec says. Completions do not depend on it."""
    subtasks: tuple[str, ...] = ()
    """Empty: all four."""
    limit: int | None = None
    """Prompts per subtask; None: all."""
    device: str | None = None
    """None: as the spec says."""
    overwrite: bool = False
    """Predict again, beside what is there, and replace it at the end."""
    likelihood: bool | None = None
    controls: bool | None = None
    intervals: str | None = None
    """None: as the spec says."""

    def applied_to(self, settings: EvaluationSpec) -> EvaluationSpec:
        chosen = {"likelihood": self.likelihood, "controls": self.controls, "intervals": self.intervals}
        return settings.model_copy(update={key: value for key, value in chosen.items() if value is not None})

    @property
    def partial(self) -> bool:
        return bool(self.subtasks) or self.limit is not None
