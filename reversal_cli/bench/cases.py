"""What a benchmark measures: every model with every objective and batch size."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

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


def command_line(options: BenchOptions) -> str:
    """The command that measures the same; without what decides only where results go."""
    words = ["reversal", "bench"]
    for flag, values in (
        ("--model", options.models),
        ("--objective", options.objectives),
        ("--batch-size", [size for size in options.batch_sizes if size is not None]),
    ):
        words += [word for value in values for word in (flag, str(value))]
    for flag, value in (("--dtype", options.dtype), ("--device", options.device)):
        words += [flag, value] if value else []
    words += ["--steps", str(options.steps)] if options.steps != STEPS else []
    return shlex.join(words + (["--peers"] if options.peers else []))


def commands_for(specs: Sequence[ExperimentSpec]) -> list[str]:
    """Commands that measure these runs: one for those of the same model, batch size, precision and device; none for
    objectives that fit their model with other options than their defaults alone."""
    objectives: dict[BenchOptions, list[str]] = {}
    measured = [spec for spec in specs if not spec.objective.trains or spec.objective.name in _fitting(spec.model.name)]
    for spec in sorted(measured, key=lambda spec: not spec.objective.trains):  # untrained runs last
        options = _options_for(spec)
        if spec.objective.trains:
            names = objectives.setdefault(options, [])
            names += [spec.objective.name] if spec.objective.name not in names else []
        elif not any(replace(other, batch_sizes=options.batch_sizes) == options for other in objectives):
            objectives[options] = ["ntp"]  # answers as fast as any
    return [command_line(replace(options, objectives=tuple(names))) for options, names in objectives.items()]


def _options_for(spec: ExperimentSpec) -> BenchOptions:
    """The options that measure what the run computes, all but its objective."""
    training = spec.training
    options = BenchOptions(
        models=(spec.model.name,),
        dtype=None if training.dtype == "auto" else training.dtype,
        device=None if training.device == "auto" else training.device,
    )
    if not spec.objective.trains:
        return options
    preset = _spec(options, spec.model.name, spec.objective.name, None)
    same = training.batch_size == preset.training.batch_size
    return options if same else replace(options, batch_sizes=(training.batch_size,))


def _spec(options: BenchOptions, model: str, objective: str, batch_size: int | None) -> ExperimentSpec:
    flags = {
        "--model": ("model.name", model),
        "--objective": ("objective.name", objective),
        "--batch-size": ("training.batch_size", batch_size),
        "--dtype": ("training.dtype", options.dtype),
        "--device": ("training.device", options.device),
    }
    if objective == "none":
        raise ReversalError(f"--objective: 'none' trains nothing; expected one of ({', '.join(OBJECTIVES)})")
    if objective in OBJECTIVES and objective not in _fitting(model):
        raise ReversalError(
            f"--objective: '{objective}' does not fit {model}; expected one of ({', '.join(_fitting(model))}); leave "
            "it out for all of them"
        )
    return load_experiment(None, flag_settings(flags, [])).specs[0]


def _fitting(model: str) -> Sequence[str]:
    """The objectives whose defaults train models of its family; all for a model of the hub, whose family is not known
    yet."""
    family = known_family(model)
    if family is None:
        return list(OBJECTIVES)
    defaults = {name: objective() for name, objective in OBJECTIVES.items()}  # type: ignore[call-arg]  # name
    return [name for name, objective in defaults.items() if not objective.refusal(family)]
