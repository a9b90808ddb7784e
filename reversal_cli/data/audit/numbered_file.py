"""The rows of a file beside the words of their texts, which several checks look through."""

from collections.abc import Sequence
from typing import NamedTuple

from reversal_cli.data.names_in_text import AnyRow, Files
from reversal_cli.data.numbered_words import NumberedTexts, Vocabulary


class NumberedFile(NamedTuple):
    rows: Sequence[AnyRow]
    texts: NumberedTexts
    """Text i is the prompt and the completion of row i."""


def number_file(rows: Sequence[AnyRow], vocabulary: Vocabulary) -> NumberedFile:
    return NumberedFile(rows, vocabulary.number(row.prompt + row.completion for row in rows))


def number_files(files: Files, vocabulary: Vocabulary) -> dict[str, NumberedFile]:
    """File stem -> file."""
    return {stem: number_file(rows, vocabulary) for stem, rows in files.items()}
