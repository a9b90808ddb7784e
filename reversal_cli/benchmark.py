"""The benchmark of a spec: found or generated, read, and looked through for leaks before anything slow begins."""

from collections.abc import Sequence
from pathlib import Path

from reversal_cli.console import Terminal
from reversal_cli.data.base import Splits
from reversal_cli.data.leaks import Leak, counted, files_of, find_leaks
from reversal_cli.data.missing import no_such_dataset
from reversal_cli.data.wishes import refuse_leaks, refuse_other_options
from reversal_cli.errors import ReversalError
from reversal_cli.spec import DatasetSpec, ExperimentSpec


def prepare_dataset(dataset: DatasetSpec, terminal: Terminal) -> Splits:
    """The benchmark in the spec's folder; the default one, or one whose options the spec gives, is generated if absent.

    Raises ReversalError for a mistyped path, and for a folder made with other options.
    """
    from reversal_cli.data.berglund import load_folder

    folder = Path(dataset.path)
    if not folder.exists():
        if dataset.generator is None and dataset.path != DatasetSpec().path:
            raise no_such_dataset(folder)
        generate_dataset(dataset, terminal)
    elif dataset.generator is not None:
        refuse_other_options(folder, dataset.generator)
    return load_folder(folder)


def generate_dataset(dataset: DatasetSpec, terminal: Terminal) -> None:
    from reversal_cli.data.name_description import Options, generate

    options = dataset.generator or Options()
    try:
        generate(options, Path(dataset.path))
    except ReversalError:
        if not Path(dataset.path).is_dir():
            raise
        return  # another process has just made it
    terminal.say(f"{dataset.path}: was absent, generated it ({options.entities} entities in each of three groups)")


def check_datasets(specs: Sequence[ExperimentSpec], terminal: Terminal, allow_leaks: bool) -> None:
    """Raises ReversalError where the dataset of a later run would stop it, before the first one takes its time."""
    datasets = {spec.dataset.model_dump_json(): spec.dataset for spec in specs}
    for dataset in datasets.values() if len(datasets) > 1 else ():
        find_allowed_leaks(dataset, prepare_dataset(dataset, terminal), terminal, allow_leaks)


def find_allowed_leaks(dataset: DatasetSpec, splits: Splits, terminal: Terminal, allow_leaks: bool) -> list[Leak]:
    """What the training rows give away of the tests. Raises ReversalError where that is anything and not allowed."""
    found = find_leaks(files_of(splits))
    if not allow_leaks:
        refuse_leaks(Path(dataset.path), found, "or go on with --allow-leaks, which the tables will say")
    elif found:
        terminal.say(f"warning: {dataset.path}: {counted(found)}")
    return found
