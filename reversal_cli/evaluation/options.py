"""Options of `reversal eval` that do not change the spec of a run."""

from dataclasses import dataclass

from reversal_cli.spec.experiment import EvaluationSpec


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """Options of an evaluation; those that are None keep the setting of the spec."""

    batch_size: int | None = None
    """Prompts per batch. Completions do not depend on it."""
    subtasks: tuple[str, ...] = ()
    """Empty: all four."""
    limit: int | None = None
    """Prompts per subtask; None: all."""
    device: str | None = None
    overwrite: bool = False
    """Predict everything again and replace the old evaluation at the end."""
    likelihood: bool | None = None
    controls: bool | None = None
    intervals: str | None = None
    data: str | None = None
    """Another folder with the same dataset: its files are those of the run, byte for byte."""

    def applied_to(self, settings: EvaluationSpec) -> EvaluationSpec:
        """The settings of the spec with these options in their place."""
        options = {"likelihood": self.likelihood, "controls": self.controls, "intervals": self.intervals}
        return settings.model_copy(update={key: value for key, value in options.items() if value is not None})

    @property
    def partial(self) -> bool:
        """Whether only a part of the benchmark is evaluated, which writes no metrics.json."""
        return bool(self.subtasks) or self.limit is not None
