"""What a benchmark measures: every model with every objective and batch size."""

from collections.abc import Sequence
from dataclasses import dataclass

from reversal_cli.errors import ReversalError
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.families import known_family
from reversal_cli.spec.loading import flag_settings, load_experiment
from reversal_cli.spec.names import model_stem

DEFAULT_MODELS = ("tiny-llama", "tiny-glm")
STEPS = 20


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """The options of `reversal bench` that decide what is measured."""

    models: tuple[str, ...] = DEFAULT_MODELS
    objectives: tuple[str, ...] = ()
    """Empty: all that fit the model."""
    batch_sizes: tuple[int | None, ...] = (None,)
    """Rows per step; None: the preset's."""
    dtype: str | None = None
    device: str | None = None
    steps: int = STEPS
    """Timed training steps of each case."""
    peers: bool = False


def cases(options: BenchOptions) -> list[ExperimentSpec]:
    """The spec of each case. Raises ReversalError for a name or a value that no spec may have."""
    return [
        _spec(options, model, objective, batch_size)
        for model in options.models
        for objective in options.objectives or _fitting(model)
        for batch_size in options.batch_sizes
    ]


def label(spec: ExperimentSpec) -> str:
    """`tiny-llama bico, batch 32`"""
    return f"{model_stem(spec.model.name)} {spec.objective.label}, batch {spec.training.batch_size}"


def _spec(options: BenchOptions, model: str, objective: str, batch_size: int | None) -> ExperimentSpec:
    flags = {
        "--model": ("model.name", model),
        "--objective": ("objective.name", objective),
        "--batch-size": ("training.batch_size", batch_size),
        "--dtype": ("training.dtype", options.dtype),
        "--device": ("training.device", options.device),
    }
    spec = load_experiment(None, flag_settings(flags, [])).specs[0]
    if not spec.objective.trains:
        raise ReversalError(f"--objective: '{objective}' trains nothing; expected one of ({', '.join(OBJECTIVES)})")
    if objective not in _fitting(model):
        raise ReversalError(
            f"--objective: '{objective}' does not fit {model}; expected one of ({', '.join(_fitting(model))}); leave "
            "it out for all of them"
        )
    return spec


def _fitting(model: str) -> Sequence[str]:
    """The objectives that train models of its family; all for a model of the hub, whose family is not known yet."""
    family = known_family(model)
    return [name for name, objective in OBJECTIVES.items() if family is None or family in objective.on]
