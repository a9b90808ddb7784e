"""The tidy frame: one line per run, subtask and metric."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reversal_cli.data.audit.leaks import Leak, count_by_kind
from reversal_cli.data.base import TEST_FILES
from reversal_cli.errors import ReversalError
from reversal_cli.plain_text import visible
from reversal_cli.report.arithmetic import arithmetic_label, arithmetic_notes
from reversal_cli.report.columns import COLUMNS, NUMBERS, map_texts
from reversal_cli.report.interval_methods import interval_notes
from reversal_cli.report.labels import settings_label, weights_label
from reversal_cli.report.measurements import Line, measurement_lines
from reversal_cli.report.methods import variant
from reversal_cli.report.rows import in_order
from reversal_cli.report.run_costs import run_costs
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.find import find_runs
from reversal_cli.runs.manifest import refuse_foreign_metrics
from reversal_cli.runs.records import Manifest, StoredSpec
from reversal_cli.spec.decisive import decisive_content
from reversal_cli.spec.per_seed import shared_options

HOW_TO_RUN = "`reversal run` makes runs (those below a folder `published` are read if it is named)"


class Results(NamedTuple):
    frame: pd.DataFrame
    notes: list[str]
    """Runs that were left out, and runs that must not be compared, a line each."""
    runs: dict[tuple[str, str], RunDirectory]
    """(digest, dataset) -> run, for every run in the frame."""


def load_results(folders: Iterable[Path]) -> Results:
    """Every finished run at or below the folders. Unfinished runs, and copies of a run, become notes.

    Raises ReversalError if a folder is missing, no run is finished, or a file of a finished run is broken: a table
    must not silently lack a row.
    """
    folders = list(folders)
    lines: list[Line] = []
    notes = []
    runs: dict[tuple[str, str], RunDirectory] = {}
    originals: dict[tuple[str, ...], RunDirectory] = {}
    for run in _runs_in_order(folders):
        if not run.is_complete:
            notes.append(f"{run.path}: not finished, left out; {_how_to_finish(run)}")
            continue
        run_lines = run_frame_lines(run)
        first = run_lines[0]
        original = originals.setdefault((first["experiment"], first["recipe"], str(first["seed"])), run)
        if original is not run:
            notes.append(f"{run.path}: the same experiment as {original.path} (name, recipe, data, seed), left out")
            continue
        same_spec = runs.setdefault((first["digest"], first["dataset"]), run)
        if same_spec is not run:
            raise ReversalError(
                f"{run.path} and {same_spec.path}: one experiment (digest {first['digest']}) on different training "
                "files; expected one of the two in a report; report them apart, or give one of them another name"
            )
        lines += run_lines
    if not lines:
        names = ", ".join(str(folder) for folder in folders)
        what = "; ".join(notes) or f"expected one with a metrics.json; {HOW_TO_RUN}"
        raise ReversalError(f"{names}: no finished run; {what}")
    notes += [f"{folder}: holds no run; {HOW_TO_RUN}" for folder in folders if not find_runs([folder])]
    frame = _frame(lines)
    notes += _several_datasets_notes(frame)
    frame = _apart_unless_alike(frame)
    notes += _cautions(frame, runs)
    return Results(frame, [visible(note) for note in notes], runs)


def _how_to_finish(run: RunDirectory) -> str:
    try:
        if run.is_trained:
            return f"`reversal eval {run.path}` finishes it"
    except ReversalError as error:  # a broken file of a run that no table has
        return str(error)
    return "it is not trained to its end; the command that began it continues it"


def runs_in_table_order(results: Results) -> list[RunDirectory]:
    """Every run, in the order in which the tables show them."""
    parts = results.frame.drop_duplicates(["digest", "dataset"]).groupby("dataset", sort=False)
    lines = [line for _, part in parts for line in in_order(part)[["digest", "dataset"]].itertuples(index=False)]
    return [results.runs[line.digest, line.dataset] for line in lines]


def _runs_in_order(folders: Iterable[Path]) -> list[RunDirectory]:
    """Folder by folder, in each the experiments in the order in which `reversal run` began them, whatever the order of
    the runs of a later seed."""
    runs: dict[Path, RunDirectory] = {}
    for folder in folders:
        found = sorted(find_runs([folder]), key=_start_time)
        place = {run.path.parent: index for index, run in reversed(list(enumerate(found)))}
        runs |= {run.path: run for run in sorted(found, key=lambda run: place[run.path.parent]) if run.path not in runs}
    return list(runs.values())


def _start_time(run: RunDirectory) -> str:
    """When the run began; one that is unfinished comes last, since no table has it."""
    return str(run.manifest.provenance.get("started", "")) if run.is_complete else "~"


def _cautions(frame: pd.DataFrame, runs: dict[tuple[str, str], RunDirectory]) -> list[str]:
    by_run = [*_dataset_notes(frame, runs), *_length_notes(runs), *arithmetic_notes(runs.values())]
    return [*by_run, *_definition_notes(frame), *interval_notes(frame)]


def run_frame_lines(run: RunDirectory) -> list[Line]:
    """The lines of one finished run."""
    manifest, metrics = run.manifest, run.metrics
    refuse_foreign_metrics(run, metrics)
    data = {"dataset": dataset_id(metrics.dataset), "recipe": recipe_id(manifest.spec, metrics.dataset)}
    pooled = _pooled(manifest.spec) or {"benchmark": data["dataset"], "method": data["recipe"]}
    identity = _identity(manifest) | data | pooled | run_costs(manifest, metrics)
    return [identity | line for line in measurement_lines(run, metrics)]


def dataset_id(sha256: dict[str, str]) -> str:
    """Eight hex digits, the same for runs that were evaluated on the same test files."""
    return _eight_digits("".join(sha256[name] for name in TEST_FILES))


def recipe_id(spec: StoredSpec, data: dict[str, Any]) -> str:
    """Eight hex digits, the same for runs that differ only in name, seed, path of the dataset, and fields that do not
    change a result. data: the hashes of the files, or what else identifies them."""
    shared = {key: value for key, value in spec.content().items() if key not in ("name", "seed", "dataset")}
    recipe = decisive_content(shared)
    return _eight_digits(json.dumps([recipe, data], sort_keys=True))


def _pooled(spec: StoredSpec) -> Line | None:
    """The benchmark and the method of a run whose seed has a benchmark of its own."""
    options = shared_options(spec.dataset, spec.seed)
    if options is None:
        return None
    return {"benchmark": _eight_digits(json.dumps(options, sort_keys=True)), "method": recipe_id(spec, options)}


def _eight_digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _identity(manifest: Manifest) -> Line:
    spec = manifest.spec
    leaks = (Leak(leak.where, leak.count, leak.what, leak.remedy, leak.kind) for leak in manifest.dataset.leaks)
    return {
        "experiment": spec.name,
        "model": spec.model.name,
        "objective": spec.objective.name,
        "variant": variant(spec),
        "seed": spec.seed,
        "settings": settings_label(spec),
        "arithmetic": arithmetic_label(manifest.training),
        "weights": weights_label(manifest),
        "digest": manifest.digest,
        "dataset_path": manifest.dataset.path,
        "leaks": count_by_kind(leaks),
    }


def _frame(lines: list[Line]) -> pd.DataFrame:
    return map_texts(pd.DataFrame(lines, columns=COLUMNS, dtype=object).astype(NUMBERS), visible)


def _apart_unless_alike(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with each dataset a benchmark of its own where one seed of a benchmark has several: one of them was
    changed, or another version generated it."""
    several = frame.groupby(["benchmark", "seed"])["dataset"].transform("nunique") > 1
    apart = frame["benchmark"].isin(frame.loc[several, "benchmark"])
    frame.loc[apart, ["benchmark", "method"]] = frame.loc[apart, ["dataset", "recipe"]].to_numpy()
    return frame


def _several_datasets_notes(frame: pd.DataFrame) -> list[str]:
    """A line per seed of a benchmark that has several datasets, which `_apart_unless_alike` sets apart."""
    notes = []
    for (_, seed), part in frame.groupby(["benchmark", "seed"], sort=False):
        datasets = part["dataset"].unique()
        if len(datasets) > 1:
            notes.append(f"seed {seed} has {len(datasets)} datasets ({', '.join(datasets)}): no seeds are pooled")
    return notes


def _dataset_notes(frame: pd.DataFrame, runs: dict[tuple[str, str], RunDirectory]) -> list[str]:
    """One line per further benchmark: the test files in which it differs from the first. One line for all whose seeds
    have a dataset each."""
    files: dict[str, dict[str, str]] = {}
    for (_, dataset), run in runs.items():
        files.setdefault(dataset, run.metrics.dataset)
    first = next(iter(files), "")
    notes = []
    benchmark = dict(zip(frame["dataset"], frame["benchmark"], strict=True))
    firsts = {benchmark[dataset]: dataset for dataset in reversed(files)}
    if len(firsts) < len(files):
        own = frame[frame["benchmark"] != frame["dataset"]]["experiment"].nunique()
        notes.append(
            f"{own} experiments have a dataset per seed: apart in tables of accuracy, together in those of methods"
        )
    for other in [dataset for dataset in list(files)[1:] if firsts[benchmark[dataset]] == dataset]:
        names = ", ".join(name for name in TEST_FILES if files[first][name] != files[other][name])
        notes.append(f"datasets {first} and {other} differ in {names}: their runs are not compared")
    return notes


def _length_notes(runs: dict[tuple[str, str], RunDirectory]) -> list[str]:
    """One line per dataset whose runs differ in the maximum length of a completion."""
    by_dataset: dict[str, dict[int | None, str]] = {}
    for (_, dataset), run in runs.items():
        spec = run.manifest.spec
        by_dataset.setdefault(dataset, {}).setdefault(spec.evaluation.max_new_tokens, spec.name)
    notes = []
    for dataset, lengths in by_dataset.items():
        if len(lengths) > 1:
            values = ", ".join(f"{length} in {name}" for length, name in lengths.items())
            notes.append(f"dataset {dataset}: evaluation.max_new_tokens differs ({values}): fewer can cut a target off")
    return notes


def _definition_notes(frame: pd.DataFrame) -> list[str]:
    """A line with the runs without metric definitions, if other runs have them."""
    has_ids = frame.groupby(["digest", "dataset"], sort=False)["definition"].transform(lambda ids: (ids != "").any())
    without = frame[~has_ids.astype(bool)].drop_duplicates(["digest", "dataset"])
    if without.empty or not has_ids.any():
        return []
    runs = ", ".join(f"{line.experiment} seed {line.seed}" for line in without.itertuples())
    return [f"{runs}: evaluated before metric definitions were recorded; `reversal eval RUN` records them"]
