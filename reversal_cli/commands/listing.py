"""`reversal list`: the names that a spec may use, and its options."""

import json
import textwrap
from typing import Annotated

import typer

from reversal_cli.commands.options import Json, Quiet
from reversal_cli.console import Terminal, make_table
from reversal_cli.errors import ReversalError, unknown_name

WIDEST = 100
"""Columns: longer lines are hard to read."""


def list_names(
    section: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Only this kind, such as models; with --options this section, such as training."
        ),
    ] = None,
    options: Annotated[
        bool, typer.Option("--options", help="List every option of a spec with its default and its meaning.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List objectives, transforms, models, datasets, metrics and options."""
    terminal = Terminal(quiet)
    if options:
        show_options(section, terminal, as_json)
        return
    kinds = known_names()
    if section is not None:
        kinds = {section: _names_of(section, kinds)}
    if as_json:
        terminal.write(json.dumps(kinds, indent=2))
        return
    for kind, names in kinds.items():
        terminal.show(make_table(kind, ["name", "what it is"], [[name, text] for name, text in names.items()]))


def _names_of(kind: str, kinds: dict[str, dict[str, str]]) -> dict[str, str]:
    """Raises ReversalError for an unknown kind; a section of options needs --options."""
    from reversal_cli.spec.option_docs import sections

    if kind in kinds:
        return kinds[kind]
    if kind in sections():
        plural = f" or `reversal list {kind}s`" if f"{kind}s" in kinds else ""
        raise ReversalError(f"list: '{kind}' is a section of options; use `reversal list {kind} --options`{plural}")
    raise unknown_name("list", "kind", kind, kinds)


def show_options(section: str | None, terminal: Terminal, as_json: bool) -> None:
    """Prints every option, or those of one section: a line as in a TOML file, and below it the meaning."""
    from reversal_cli.spec.option_docs import option_docs
    from reversal_cli.spec.toml import write_value

    docs = option_docs(section)
    if as_json:
        terminal.write(json.dumps([doc._asdict() for doc in docs], indent=2))
        return
    for doc in docs:
        terminal.show(f"{doc.key} (unset)" if doc.default is None else f"{doc.key} = {write_value(doc.default)}")
        terminal.show(textwrap.indent(textwrap.fill(doc.meaning, min(terminal.width, WIDEST) - 4), "    "))


def known_names() -> dict[str, dict[str, str]]:
    """Kind -> name -> one line."""
    from reversal_cli.data import DATASETS
    from reversal_cli.objectives import OBJECTIVE_SPECS
    from reversal_cli.scoring import METRICS
    from reversal_cli.spec.presets import PRESETS
    from reversal_cli.transforms import TRANSFORMS

    return {
        "objectives": {name: options.summary for name, options in OBJECTIVE_SPECS.items()},
        "objectives by model family": {
            f"{name} on {family}": how
            for name, options in OBJECTIVE_SPECS.items()
            for family, how in options.on.items()
        },
        "transforms": {name: options.summary for name, options in TRANSFORMS.items()},
        "models": {name: f"{preset.summary}; {preset.where}" for name, preset in PRESETS.items()}
        | {
            "FOLDER": "a checkpoint on disk",
            "FILE.gguf": "a GGUF file, dequantized once (extra: reversal[gguf])",
            "ORG/NAME": "a checkpoint of the hub, with --revision",
        },
        "datasets": dict(DATASETS),
        "metrics": {
            name: metric.summary + ("; lower is better" if metric.better == "lower" else "")
            for name, metric in METRICS.items()
        },
    }
