"""`reversal export`: the test prompts for other tools."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.commands.options import DATASET, Json, Overwrite, Quiet
from reversal_cli.console import Terminal
from reversal_cli.errors import ReversalError, unknown_name

PYCACHE = "__pycache__"
"""What Python leaves beside an exported file that it has read."""


def export(
    form: Annotated[
        str, typer.Argument(metavar="FORMAT", help="lm-eval: tasks for EleutherAI's lm-evaluation-harness.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; a new folder.")],
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The dataset; the default one is generated if absent.")
    ] = DATASET,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the four subtasks for another evaluation tool."""
    from reversal_cli.data.leaks import files_of, find_leaks
    from reversal_cli.data.wishes import refuse_leaks
    from reversal_cli.export import FORMATS
    from reversal_cli.pipeline import prepare_dataset
    from reversal_cli.spec import DatasetSpec, EvaluationSpec

    if form not in FORMATS:
        raise unknown_name("export", "format", form, FORMATS)
    terminal = Terminal(quiet)
    splits = prepare_dataset(DatasetSpec(path=str(data)), terminal)
    refuse_leaks(data, find_leaks(files_of(splits)), "or export another dataset")
    files = FORMATS[form](splits, EvaluationSpec().max_new_tokens)
    write_files(folder, files, overwrite)
    if as_json:
        content = {"folder": str(folder), "format": form, "files": sorted(files), "dataset": splits.sha256}
        terminal.write(json.dumps(content, indent=2, sort_keys=True))
    else:
        terminal.say(f"wrote {len(files)} files to {folder}; {folder / 'README.md'} says how to run them")


def write_files(folder: Path, files: Mapping[str, str], overwrite: bool) -> None:
    """Writes name -> text as a folder, whole or not at all. An existing one is replaced only with `overwrite`, and only
    if it holds nothing but files of these names."""
    from reversal_cli.run_directory import save_folder

    _refuse_folder(folder, files, overwrite)

    def save(partial: Path) -> None:
        partial.mkdir()
        for name, text in files.items():
            (partial / name).write_text(text, encoding="utf-8")

    save_folder(folder, save)


def _refuse_folder(folder: Path, files: Mapping[str, str], overwrite: bool) -> None:
    is_plain = folder.is_dir() and not folder.is_symlink() and folder.resolve() != Path.cwd()
    if not is_plain and (folder.exists() or folder.is_symlink()):
        raise ReversalError(f"{folder}: cannot be replaced by a folder; expected a new one; choose another path")
    present = {path.name for path in folder.iterdir()} if is_plain else set()
    if present and not overwrite:
        raise ReversalError(f"{folder}: is not empty; expected a new folder; choose another path or pass --overwrite")
    foreign = sorted(present - files.keys() - {PYCACHE})
    if foreign:
        raise ReversalError(
            f"{folder}: holds '{foreign[0]}', which no export wrote; expected an exported folder; choose another path"
        )
