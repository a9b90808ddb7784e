"""Reads a TOML file and flags into the specs of an experiment.

Precedence, lowest first: field defaults (the published recipe), what follows from the decoder, the recipe of (preset,
objective), the TOML file, its `[[runs]]` and `[grid]`, flags and `--set section.key=value`. Recipes depend on model and
objective, so each point is merged anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.untrained import Untrained
from reversal_cli.spec.choices import CHOICES, applies, of_decoder, refuse_misfit
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.spec.grid import (
    OLD_RUNS,
    one_each,
    read_axes,
    read_runs,
    refuse_replaced,
    refuse_too_many,
    refuse_twice,
    split_axes,
)
from reversal_cli.spec.names import check_experiment_name, check_model_name, default_name, name_part, run_suffixes
from reversal_cli.spec.per_seed import with_own_benchmark
from reversal_cli.spec.points import Point, list_points, names_by_run
from reversal_cli.spec.presets import preset_source, recipe_of
from reversal_cli.spec.toml import flatten, parse_value, read_toml
from reversal_cli.spec.unused_options import Layers, refuse_unused_blanks, refuse_unused_pretraining, settle
from reversal_cli.spec.validation import Setting, validate
from reversal_cli.transforms.identity import Identity

if TYPE_CHECKING:
    from reversal_cli.spec.pretraining import PretrainSpec


@dataclass(frozen=True, slots=True)
class Experiment:
    """The runs of one TOML file (or of a set of flags)."""

    name: str
    specs: tuple[ExperimentSpec, ...]
    baselines: tuple[ExperimentSpec, ...]
    """One untrained row per (model, dataset); empty with `baseline = false` or where the specs hold it already."""
    notes: tuple[str, ...] = ()
    """Remarks on the file, for the person who wrote it."""


def load_experiment(file: Path | None, settings: Sequence[Setting] = ()) -> Experiment:
    """Every run of the experiment, validated. Raises ReversalError, one line that names the file or flag at fault."""
    content = read_toml(file) if file else {}
    source = str(file or "the command line")
    if "kind" in content:
        remedy = "use `reversal pretrain`" if content["kind"] == "pretrain" else "remove the line"
        raise ReversalError(f"{source}: kind = {content['kind']!r}; expected an experiment, which has none; {remedy}")
    refuse_twice(settings)
    notes = (f"{source}: [[{OLD_RUNS}]] are called [[runs]] now; both are read",) if OLD_RUNS in content else ()
    given_axes, settings = split_axes(settings)
    axes = read_axes(content.pop("grid", {}), source)
    runs = read_runs(content, source)
    written = [Setting(key, value, source) for key, value in flatten(content)]
    for run in runs:
        refuse_twice([*one_each(axes), *run.settings])
    refuse_twice([*written, *one_each(axes)])
    refuse_twice([*settings, *one_each(given_axes)])
    refuse_replaced(runs, [*settings, *one_each(given_axes)], source)
    axes |= given_axes
    for setting in settings:
        if setting.key in axes:
            axes[setting.key] = [setting]
    refuse_too_many(axes, runs, source)
    common, top = _take(written, settings, axes)
    name = str(top["name"].value) if "name" in top else (file.stem if file else "")
    name_source = top["name"].source if "name" in top else source
    points = list_points(runs, axes, common, settings)
    by_run = names_by_run(points)
    names = ["/".join(filter(None, (name, suffix))) for suffix in run_suffixes([point.naming for point in points])]
    layers = [
        _layers(point, Setting("name", run_name, name_source), by_run)
        for point, run_name in zip(points, names, strict=True)
    ]
    specs = tuple(with_own_benchmark(spec) for spec in settle(layers))
    for spec, layer in zip(specs, layers, strict=True):
        refuse_misfit(spec, [*layer.defaults, *layer.given])
    baselines = _baselines(points, specs) if _wants_baseline(top) else ()
    _refuse_shared_folders([*specs, *baselines], source)
    _refuse_doubles(points, specs, source)
    return Experiment(name or specs[0].name, specs, baselines, notes)


def is_pretraining(file: Path) -> bool:
    """Whether the file describes how to pretrain a base model, not an experiment."""
    return read_toml(file).get("kind") == "pretrain"


def load_pretraining(file: Path | None, settings: Sequence[Setting] = ()) -> "PretrainSpec":
    """How a base model is made, validated. Raises ReversalError."""
    from reversal_cli.spec.pretraining import PretrainSpec

    refuse_twice(settings)
    written = [Setting(key, value, str(file)) for key, value in flatten(read_toml(file))] if file else []
    # Its defaults differ from those of a TrainingSpec alone, so a file that sets one of them must keep the others.
    defaults = [Setting(key, value, "default") for key, value in flatten(PretrainSpec().model_dump())]
    spec = validate(PretrainSpec, [*defaults, *written, *settings])
    refuse_unused_blanks(spec.family, spec.abi, [*written, *settings])
    refuse_unused_pretraining(spec.training, [*written, *settings])
    check_experiment_name(spec.name, str(file or "--set"))
    return spec


def parse_set(text: str) -> list[Setting]:
    """`training.epochs=3` as settings. Raises ReversalError if there is no `=`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ReversalError(f"--set {text}: expected section.key=value, for example --set training.epochs=3")
    return [Setting(key, value, "--set") for key, value in flatten({key.strip(): parse_value(value.strip())})]


def flag_settings(flags: Mapping[str, tuple[str, Any]], assignments: Iterable[str]) -> list[Setting]:
    """Settings of a command line: `{"--epochs": ("training.epochs", 3)}`, None = not given, then every `--set`."""
    from_flags = [Setting(key, value, flag) for flag, (key, value) in flags.items() if value is not None]
    return from_flags + [setting for text in assignments for setting in parse_set(text)]


def _take(
    written: list[Setting], settings: Sequence[Setting], axes: Mapping[str, Any]
) -> tuple[list[Setting], dict[str, Setting]]:
    """The file's settings for single runs, and those of the whole experiment by key, where flags override the file."""
    top = {s.key: s for s in [*written, *settings] if s.key in ("name", "baseline")}
    return [s for s in written if s.key not in top and s.key not in axes], top


def _wants_baseline(top: Mapping[str, Setting]) -> bool:
    setting = top.get("baseline", Setting("baseline", True, "default"))
    if not isinstance(setting.value, bool):
        raise ReversalError(f"{setting.source}: baseline is {setting.value!r}; expected true or false")
    return setting.value


def _layers(point: Point, name: Setting, by_run: Sequence[Mapping[str, set[Any]]]) -> Layers:
    """name: empty if neither the experiment nor the run has one. by_run: `names_by_run` of all points."""
    chosen, model = point.chosen, point.get("model.name", "tiny-llama")
    check_model_name(model)
    name = Setting("name", name.value or default_name(model, chosen), name.source)
    check_experiment_name(name.value, name.source)
    source, objective = preset_source(str(model.value)), chosen["objective"].value
    recipe = recipe_of(model.value, objective)
    everywhere = {section: set().union(*(names[section] for names in by_run)) for section in CHOICES}
    of_run = by_run[point.place]
    return Layers(
        defaults=[
            name,
            *(Setting(f"{section}.name", setting.value, setting.source) for section, setting in chosen.items()),
            *([Setting("model.source", source, "found on this machine")] if source else []),
            *of_decoder(objective, point.get("objective.decoder", "")),
            *(Setting(key, value, f"recipe of {model.value} and {objective}") for key, value in flatten(recipe)),
        ],
        given=[
            setting
            for setting in point.settings
            if setting.key not in ("name", "baseline")
            and applies(setting, chosen, of_run if setting.key in point.own else everywhere)
        ],
        place=point.place,
        own=point.own,
    )


def _refuse_shared_folders(specs: Sequence[ExperimentSpec], source: str) -> None:
    folders = set()
    for spec in specs:
        folder = f"{spec.name}/seed-{spec.seed}"
        if folder in folders:
            raise ReversalError(f"{source}: two runs would share the folder {folder}; list each of them once")
        folders.add(folder)


def _refuse_doubles(points: Sequence[Point], specs: Sequence[ExperimentSpec], source: str) -> None:
    """Raises ReversalError for one run under two names: a value given twice, or an option without effect in both."""
    first: dict[str, tuple[Point, str]] = {}
    for point, spec in zip(points, specs, strict=True):
        content = spec.model_copy(update={"name": ""}).model_dump_json()
        other, name = first.setdefault(content, (point, spec.name))
        if other is not point:
            keys = dict.fromkeys(s.key for s in (*other.axes, *point.axes) if (s in other.axes) != (s in point.axes))
            why = f" ({', '.join(keys)} makes no difference)" if keys else ""
            raise ReversalError(
                f"{source}: {name} and {spec.name} are one run, seed {spec.seed}, under two names{why}; expected a "
                "difference; leave one out, or list the runs one by one as [[runs]]"
            )


def _baselines(points: Sequence[Point], specs: Sequence[ExperimentSpec]) -> tuple[ExperimentSpec, ...]:
    """One untrained spec per (model, dataset): the name of the point with its objective replaced."""
    done = {(s.model, s.dataset) for s in specs if not s.objective.trains}
    baselines = []
    # A run whose answers are denoised is not ranked; its baseline is, if another run is.
    ranked = {(spec.model, spec.dataset) for spec in specs if spec.evaluation.likelihood}
    for point, spec in zip(points, specs, strict=True):
        key = (spec.model, spec.dataset)
        if key in done:
            continue
        done.add(key)
        parts = [name_part(s) for s in point.axes if s.key.startswith(("model.", "dataset."))]
        in_folder = any(s.key != "seed" for s in point.naming)
        prefix = f"{spec.name.rpartition('/')[0]}/" if in_folder else f"{spec.name}-"
        baselines.append(_untrained(spec, prefix + "-".join([*parts, "untrained"]), key in ranked))
    return tuple(baselines)


def _untrained(spec: ExperimentSpec, name: str, ranked: bool) -> ExperimentSpec:
    """The same checkpoint and data with no objective; options that only training reads get their defaults."""
    evaluation = spec.evaluation.model_copy(update={"likelihood": ranked})
    training = TrainingSpec(dtype=spec.training.dtype, device=spec.training.device)
    replaced = {
        "name": name,
        "objective": Untrained(),
        "transform": Identity(),
        "training": training,
        "evaluation": evaluation,
    }
    return spec.model_copy(update=replaced)
