"""What a spec wants of a dataset folder that exists already, checked before anything slow is loaded."""

from collections.abc import Sequence
from pathlib import Path

from reversal_cli.data.audit.leaks import Leak, counted
from reversal_cli.data.base import VALIDATION, Splits
from reversal_cli.data.name_description.folder import read_card
from reversal_cli.data.name_description.options import Options
from reversal_cli.errors import ReversalError


def refuse_other_options(folder: Path, wanted: Options) -> None:
    """Raises ReversalError for a folder that was made with other options, or without any.

    A card that does not know `validation_templates` is of an earlier version, whose other files are the same: it will
    do for all but an evaluation along training, which has its own refusal.
    """
    options = wanted.model_dump()
    card = read_card(folder)
    found = {"validation_templates": wanted.validation_templates, **card.options} if card and card.options else {}
    differences = [f"{key} {found.get(key, 'unknown')}" for key in options if found.get(key) != options[key]]
    if differences:
        expected = ", ".join(f"{key} {value}" for key, value in options.items())
        raise ReversalError(
            f"{folder}: made with other options ({', '.join(differences)}); expected {expected}; "
            "name another dataset.path, or remove the folder to generate it again"
        )


def refuse_missing_validation(folder: Path, splits: Splits) -> None:
    """Raises ReversalError for a folder without validation prompts; a generated one is told how to get them."""
    if splits.validation:
        return
    card = read_card(folder)
    if card is None:
        remedy = "leave out training.eval_every, or use a generated dataset: this one has no templates to hold out"
    else:
        remedy = f"generate it again: `{_generate_again(folder, card.options)}`"
    raise ReversalError(
        f"{folder}: has no validation prompts; expected {VALIDATION['N2D']}.jsonl and three more, since "
        f"training.eval_every never looks at the test prompts; {remedy}"
    )


def refuse_leaks(folder: Path, found: Sequence[Leak], remedy: str) -> None:
    """Raises ReversalError, with all counts and the first place, for a dataset whose tests measure recall of training.

    remedy: what to do other than to correct the files.
    """
    if found:
        first = found[0]
        raise ReversalError(
            f"{folder}: {counted(found)}; first {first.where}, {first.count} {first.what}; expected no leak, or the "
            f"scores measure recall; `reversal generate --check {folder}` lists them: correct the files, {remedy}"
        )


def _generate_again(folder: Path, options: dict[str, int]) -> str:
    """The command that adds the validation files and leaves every byte of the others as it is."""
    defaults = Options().model_dump()
    kept = {key: value for key, value in options.items() if key != "validation_templates" and value != defaults[key]}
    flags = [f"--{key.replace('_', '-')} {value}" for key, value in kept.items()]
    return " ".join(["reversal generate", *flags, f"--out {folder} --overwrite"])
