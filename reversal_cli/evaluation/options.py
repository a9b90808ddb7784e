"""Options of `reversal eval` that do not change the spec of a run."""

from dataclasses import dataclass

from reversal_cli.errors import ReversalError
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
    retention: bool | str | None = None
    """As `evaluation.retention`: a switch, or a text file."""
    intervals: str | None = None
    dtype: str | None = None
    """Of the weights; predictions made in another one have to be made again."""
    data: str | None = None
    """Another folder with the same dataset: its files are those of the run, byte for byte."""

    def applied_to(self, settings: EvaluationSpec, predicted_in: str | None) -> EvaluationSpec:
        """The settings of the spec with these options in their place.

        predicted_in: the precision of the predictions on disk; None if there are none.
        Raises ReversalError for another precision than theirs, unless everything is predicted again.
        """
        if self.dtype is not None and predicted_in not in (None, self.dtype) and not self.overwrite:
            raise ReversalError(
                f"--dtype: {self.dtype}; expected the precision of earlier predictions, which are kept "
                f"({predicted_in}); pass --overwrite to predict again"
            )
        options = {name: getattr(self, name) for name in ("likelihood", "controls", "retention", "intervals", "dtype")}
        return settings.model_copy(update={key: value for key, value in options.items() if value is not None})

    @property
    def partial(self) -> bool:
        """Whether only a part of the benchmark is evaluated, which writes no metrics.json."""
        return bool(self.subtasks) or self.limit is not None
