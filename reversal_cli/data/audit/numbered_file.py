"""The rows of a file beside their words, which several checks look through."""

from collections.abc import Sequence
from typing import NamedTuple

from reversal_cli.data.names_in_text import AnyRow, Files
from reversal_cli.data.numbered_words import NumberedTexts, Vocabulary, side_by_side


class NumberedFile(NamedTuple):
    rows: Sequence[AnyRow]
    prompts: NumberedTexts
    texts: NumberedTexts
    """Text i is the prompt and the completion of row i."""


def number_file(rows: Sequence[AnyRow], vocabulary: Vocabulary) -> NumberedFile:
    prompts = vocabulary.number(row.prompt for row in rows)
    if all(row.completion[:1].isspace() for row in rows):
        completions = vocabulary.number_repeated([row.completion for row in rows])
        return NumberedFile(rows, prompts, side_by_side(prompts, completions))
    return NumberedFile(rows, prompts, vocabulary.number(row.text for row in rows))  # a word may begin in the prompt


def number_files(files: Files, vocabulary: Vocabulary) -> dict[str, NumberedFile]:
    """File stem -> file."""
    return {stem: number_file(rows, vocabulary) for stem, rows in files.items()}
