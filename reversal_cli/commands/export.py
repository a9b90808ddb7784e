"""`reversal export`: the benchmark for other tools."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reversal_cli.commands.options import DATASET, Json, Overwrite, Quiet
from reversal_cli.console import Terminal
from reversal_cli.errors import unknown_name

if TYPE_CHECKING:
    from reversal_cli.data.base import Splits
    from reversal_cli.export import Format

PYCACHE = "__pycache__"
"""What Python writes beside an exported file that it has imported."""


def export(
    form: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="lm-eval: tasks for EleutherAI's lm-evaluation-harness; datasets: a DatasetDict of Hugging Face's "
            "datasets.",
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; a new folder.")],
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=f"The dataset.  [default: {DATASET}, generated if absent]")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the benchmark for another tool."""
    from reversal_cli.benchmark import prepare_dataset
    from reversal_cli.data.audit.leaks import files_of, find_leaks
    from reversal_cli.data.compatibility import refuse_leaks
    from reversal_cli.export import FORMATS
    from reversal_cli.spec.experiment import DatasetSpec, EvaluationSpec

    if form not in FORMATS:
        raise unknown_name("export", "format", form, FORMATS)
    terminal = Terminal(quiet)
    if data is None:
        data = DATASET
        terminal.say(f"exporting {data}; for another dataset pass --data FOLDER")
    splits = prepare_dataset(DatasetSpec(path=str(data)), terminal)
    refuse_leaks(data, find_leaks(files_of(splits)), "or export another dataset")
    files = write_folder(folder, FORMATS[form], splits, EvaluationSpec().max_new_tokens, overwrite)
    if as_json:
        content = {"folder": str(folder), "format": form, "files": files, "dataset": splits.sha256}
        terminal.write(json.dumps(content, indent=2, sort_keys=True))
    else:
        usage = FORMATS[form].usage.format(folder=folder)
        terminal.say(f"wrote {len(files)} files to {folder}; {usage}")


def write_folder(folder: Path, form: "Format", splits: "Splits", max_new_tokens: int, overwrite: bool) -> list[str]:
    """Writes a folder, whole or not at all; returns the files in it. An existing one is replaced only with `overwrite`,
    and only if it holds nothing but what this format writes."""
    from reversal_cli.files.folders import refuse_foreign_folder, save_folder

    refuse_foreign_folder(folder, form.names | {PYCACHE}, "an export", overwrite)

    def save(partial: Path) -> None:
        partial.mkdir()
        form.save(splits, max_new_tokens, partial)

    save_folder(folder, save)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
