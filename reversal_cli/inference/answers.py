"""What a model answers: completions of prompts, and measures of how likely it finds given answers."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from reversal_cli.runs.records import ChoiceMade, Ranking


class Completion(NamedTuple):
    """What a model generated for one prompt."""

    index: int  # type: ignore[assignment]  # a tuple's own index is not needed
    """Of the prompt in the list that was given."""
    text: str
    """New tokens only, without special tokens."""
    stopped: bool
    """The model ended it; False: cut at `max_new_tokens`."""


class Measured(NamedTuple):
    """The likelihood measures of one row, as they stand in its prediction."""

    row: int
    """Index in the subtask."""
    ranking: Ranking
    choice: ChoiceMade | None
    """None: nothing to choose from, or a question longer than the model's positions."""


Complete = Callable[[Sequence[str]], Iterable[Sequence[Completion]]]
"""Prompts in, batches of completions out, in any order, each as soon as it is there."""

Measure = Callable[[str, Sequence[int]], Iterable[Sequence[Measured]]]
"""The name of one of the four subtasks and rows of it in, batches of their measures out."""
