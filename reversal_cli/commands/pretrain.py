"""`reversal pretrain`: build a tiny base model."""

import json
from pathlib import Path
from typing import Annotated

import typer

from reversal_cli.commands.options import RESULTS, Device, DryRun, Json, Overwrite, Quiet, Set, no_file
from reversal_cli.console import Terminal


def pretrain(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.toml", help="What differs from the defaults.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", callback=no_file, help="Where to write.  [default: results/pretrained/NAME]"),
    ] = None,
    device: Device = None,
    assignments: Set = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build a tiny base model from a corpus about other entities."""
    run_pretraining(file, out, device, assignments or [], dry_run, overwrite, Terminal(quiet), as_json)


def run_pretraining(
    file: Path | None,
    out: Path | None,
    device: str | None,
    assignments: list[str],
    dry_run: bool,
    overwrite: bool,
    terminal: Terminal,
    as_json: bool,
) -> None:
    """What `reversal pretrain` does, and `reversal run` with a file of kind "pretrain"."""
    from reversal_cli.pipeline import pretrain_base
    from reversal_cli.plain_text import visible
    from reversal_cli.spec.loading import flag_settings, load_pretraining
    from reversal_cli.spec.toml import write_spec

    spec = load_pretraining(file, flag_settings({"--device": ("training.device", device)}, assignments))
    folder = out or RESULTS / "pretrained" / spec.name
    content = spec.model_dump(mode="json")
    if dry_run:
        heading = "" if as_json else f"# {visible(str(folder))}\n"
        terminal.write(heading + (json.dumps(content, indent=2) if as_json else write_spec(content)))
        return
    record = pretrain_base(spec, folder, terminal, overwrite)
    if as_json:
        terminal.write(json.dumps({"folder": str(folder), **record.content()}, indent=2, sort_keys=True))
