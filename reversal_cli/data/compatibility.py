"""Checks that an existing dataset folder matches the spec and has no leaks."""

from collections.abc import Sequence
from pathlib import Path

from reversal_cli.data.audit.leaks import Leak, count_by_kind
from reversal_cli.data.base import VALIDATION, Splits
from reversal_cli.data.name_description.folder import read_card
from reversal_cli.data.name_description.options import Options
from reversal_cli.errors import ReversalError


def refuse_other_options(folder: Path, expected: Options) -> None:
    """Raises ReversalError for a folder that was generated with other options, or not generated at all.

    A card without `validation_templates` is of an earlier version with the same other files; only an evaluation during
    training needs more, and `refuse_missing_validation` checks that.
    """
    options = expected.model_dump()
    card = read_card(folder)
    card_options = (
        {"validation_templates": expected.validation_templates, **card.options} if card and card.options else {}
    )
    differences = [
        f"{key} {card_options.get(key, 'unknown')}" for key in options if card_options.get(key) != options[key]
    ]
    if differences:
        settings = ", ".join(f"{key} {value}" for key, value in options.items())
        raise ReversalError(
            f"{folder}: made with other options ({', '.join(differences)}); expected {settings}; "
            "name another dataset.path, or remove the folder to generate it again"
        )


def refuse_missing_validation(folder: Path, splits: Splits) -> None:
    """Raises ReversalError for a folder without validation prompts; the message says how to get them."""
    if splits.validation:
        return
    card = read_card(folder)
    if card is None:
        remedy = "leave out training.eval_every, or use a generated dataset: this one has no templates to hold out"
    else:
        remedy = f"generate it again: `{_generate_command(folder, card.options)}`"
    raise ReversalError(
        f"{folder}: has no validation prompts; expected {VALIDATION['N2D']}.jsonl and three more, since "
        f"training.eval_every does not use the test prompts; {remedy}"
    )


def refuse_leaks(folder: Path, leaks: Sequence[Leak], remedy: str) -> None:
    """Raises ReversalError, with all counts and the first place, for a dataset with leaks.

    remedy: what to do instead of correcting the files.
    """
    if leaks:
        first = leaks[0]
        raise ReversalError(
            f"{folder}: {count_by_kind(leaks)}; first {first.where}, {first.count} {first.what}; expected no leak, or "
            f"the scores measure recall; `reversal generate --check {folder}` lists them: correct the files, {remedy}"
        )


def _generate_command(folder: Path, options: dict[str, int]) -> str:
    """The command that adds the validation files and leaves every byte of the others as it is."""
    defaults = Options().model_dump()
    changed = {key: value for key, value in options.items() if key != "validation_templates" and value != defaults[key]}
    flags = [f"--{key.replace('_', '-')} {value}" for key, value in changed.items()]
    return " ".join(["reversal generate", *flags, f"--out {folder} --overwrite"])
