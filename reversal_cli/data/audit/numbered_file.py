"""The examples of a file with their numbered words, for several checks."""

from collections.abc import Sequence
from typing import NamedTuple

from reversal_cli.data.names_in_text import AnyExample, Files
from reversal_cli.data.numbered_words import NumberedTexts, Vocabulary, side_by_side


class NumberedFile(NamedTuple):
    examples: Sequence[AnyExample]
    prompts: NumberedTexts
    texts: NumberedTexts
    """Text i is the prompt and the completion of example i."""


def number_file(examples: Sequence[AnyExample], vocabulary: Vocabulary) -> NumberedFile:
    prompts = vocabulary.number(example.prompt for example in examples)
    if all(example.completion[:1].isspace() for example in examples):
        completions = vocabulary.number_repeated([example.completion for example in examples])
        return NumberedFile(examples, prompts, side_by_side(prompts, completions))
    # A word may begin in the prompt and end in the completion.
    return NumberedFile(examples, prompts, vocabulary.number(example.text for example in examples))


def number_files(files: Files, vocabulary: Vocabulary) -> dict[str, NumberedFile]:
    """File stem -> file."""
    return {stem: number_file(examples, vocabulary) for stem, examples in files.items()}
