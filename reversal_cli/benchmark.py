"""The benchmark of a spec: generated if absent, read, and checked for leaks before anything slow begins."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from reversal_cli.console import Terminal
from reversal_cli.data.audit.leaks import Leak, count_by_kind, files_of, find_leaks
from reversal_cli.data.base import Splits
from reversal_cli.data.compatibility import refuse_leaks, refuse_missing_validation, refuse_other_options
from reversal_cli.data.missing import no_such_dataset
from reversal_cli.errors import ReversalError
from reversal_cli.processes.together import from_first
from reversal_cli.spec.experiment import DatasetSpec, ExperimentSpec
from reversal_cli.spec.items import refuse_untold_items


def prepare_dataset(dataset: DatasetSpec, terminal: Terminal) -> Splits:
    """The benchmark in the spec's folder, generated if absent and it is the default one or the spec gives its options.

    Raises ReversalError if a folder that cannot be generated is absent, or if the folder was made with other options.
    """
    from reversal_cli.data.berglund import load_folder

    folder = Path(dataset.path)
    if not from_first(folder.exists):
        if not _is_generated(dataset):
            raise no_such_dataset(folder)
        from_first(lambda: generate_dataset(dataset, terminal))
    elif dataset.generator is not None:
        refuse_other_options(folder, dataset.generator)
    return load_folder(folder)


def preview_dataset(dataset: DatasetSpec) -> Splits:
    """What `prepare_dataset` returns, for a dry run: a dataset that is absent is generated in a temporary folder."""
    from reversal_cli.data.berglund import load_folder
    from reversal_cli.data.name_description import Options, generate

    if Path(dataset.path).exists() or not _is_generated(dataset):
        return prepare_dataset(dataset, Terminal(quiet=True))
    with tempfile.TemporaryDirectory() as folder:
        return load_folder(generate(dataset.generator or Options(), Path(folder) / "data"))


def _is_generated(dataset: DatasetSpec) -> bool:
    """Whether the folder of the dataset, if absent, may be generated."""
    return dataset.generator is not None or dataset.path == DatasetSpec().path


def generate_dataset(dataset: DatasetSpec, terminal: Terminal) -> None:
    """Generates the dataset and reports it; silent if another process generates it at the same time."""
    from reversal_cli.data.name_description import Options, generate

    options = dataset.generator or Options()
    try:
        with terminal.progress(f"generate {dataset.path}", "example") as advance:
            generate(options, Path(dataset.path), on_progress=advance)
    except ReversalError:
        if not Path(dataset.path).is_dir():
            raise
        return  # another process has just made it
    terminal.say(f"{dataset.path}: was absent, generated it ({options.entities} entities in each of three groups)")


class Benchmark(NamedTuple):
    """A dataset and its leaks: test facts that its training data contains."""

    splits: Splits
    leaks: list[Leak]


class Benchmarks:
    """The datasets of the runs of one command, each read and checked for leaks once."""

    def __init__(self, terminal: Terminal, allow_leaks: bool):
        self.terminal = terminal
        self.allow_leaks = allow_leaks
        self._read: dict[str, Benchmark] = {}

    def of(self, spec: ExperimentSpec) -> Benchmark:
        """The benchmark of a spec. Raises ReversalError if its dataset does not fit the run."""
        key = spec.dataset.model_dump_json()
        if key not in self._read:
            splits = prepare_dataset(spec.dataset, self.terminal)
            leaks = find_allowed_leaks(spec.dataset, splits, self.terminal, self.allow_leaks)
            self._read[key] = Benchmark(splits, leaks)
        if spec.objective.trains:
            spec.transform.check(self._read[key].splits.train)
            refuse_untold_items(spec.objective, self._read[key].splits.train)
        if spec.training.eval_every is not None and spec.objective.trains:
            refuse_missing_validation(Path(spec.dataset.path), self._read[key].splits)
        return self._read[key]


def find_allowed_leaks(dataset: DatasetSpec, splits: Splits, terminal: Terminal, allow_leaks: bool) -> list[Leak]:
    """The leaks of a dataset: raises ReversalError for any, unless they are allowed; then it warns."""
    leaks = find_leaks(files_of(splits))
    if not allow_leaks:
        refuse_leaks(Path(dataset.path), leaks, "or go on with --allow-leaks, which the tables will say")
    elif leaks:
        terminal.warn(f"{dataset.path}: {count_by_kind(leaks)}")
    return leaks
