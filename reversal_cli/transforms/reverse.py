"""Reverse training (Golovneva et al., arXiv 2403.13799): the training rows also from their end to their beginning.

A reversed row has no prompt. Its text is tokenized anew, unless its tokens are what is reversed.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from reversal_cli.data.base import Example
from reversal_cli.data.mentions import Characters, find_mentions
from reversal_cli.objectives.base import Row, TokenIds
from reversal_cli.objectives.spans import content_span
from reversal_cli.transforms.base import TransformOptions, put_at_marks
from reversal_cli.transforms.pieces import TextUnit, pieces

STREAM = 3
"""Keeps what is drawn for an example apart from the order of the rows, which has the same seed."""


class Reverse(TransformOptions):
    """Reverse training."""

    summary: ClassVar[str] = (
        "reverse training: rows also from end to beginning, by token, word, entity, phrase or segment"
    )
    moves_prompt: ClassVar[bool] = True
    variant_option: ClassVar[str | None] = "unit"

    name: Literal["reverse"] = "reverse"
    unit: Literal["token", "word", "entity", "phrase", "segment"] = "word"
    """What keeps its inner order. token: a token. word: a word or a punctuation mark. entity: the same, and every name,
    title in quotation marks or run of words in capitals. phrase: a word, the name, or the whole description, so that a
    reversed row practically states the reversed fact. segment: a run of words of random length."""
    mode: Literal["add", "half", "replace"] = "add"
    """add: every row and its reverse, so that an epoch has twice as many. half: the same in half of training.epochs.
    replace: each drawing of a row is reversed with probability 1/2, which leaves rows and steps as they are."""
    tag: bool = False
    """A reversed row begins with a token of its own (Kitouni et al.); without it, nothing tells it from the others."""
    segment_words: int = Field(default=10, ge=1)
    """Unit segment only: the most words in a segment, whose length is uniform from 1 on. Segments are drawn once per
    row and joined by a token of their own. Their ends can cut a name in two, the more often the shorter they are."""

    @property
    def changes_drawings(self) -> bool:
        return self.mode == "replace"

    @property
    def extra_tokens(self) -> int:
        return int(self.tag) + int(self.unit == "segment")

    @property
    def epoch_divisor(self) -> int:
        return 2 if self.mode == "half" else 1

    def unused(self) -> dict[str, str]:
        if self.unit == "segment":
            return {}
        return {"segment_words": f"it is for unit 'segment', and this is '{self.unit}'"}

    def examples(self, examples: Sequence[Example], seed: int) -> Sequence[Example]:
        """The examples, and then the reverse of each in the same order; if tokens are reversed, its text for `rows`."""
        generators = (np.random.default_rng((seed, index, STREAM)) for index in range(len(examples)))
        return [*examples, *map(self._reversed, examples, generators)]

    def _reversed(self, example: Example, generator: np.random.Generator) -> Example:
        if self.unit == "token":
            changed = example
        elif self.unit == "segment":
            changed = in_segments(example, self.segment_words, generator)
        else:
            changed = in_pieces(example, self.unit)
        return dataclasses.replace(changed, marks=(0, *changed.marks)) if self.tag else changed

    def rows(self, rows: Sequence[Row], tokens: TokenIds) -> Sequence[Row]:
        """The rows and their reverses, or the rows with their reverses as alternatives."""
        count = len(rows) // 2
        plain, changed = rows[:count], rows[count:]
        if self.unit == "token":
            changed = [token_reversed(row, tokens) for row in changed]
        if self.extra_tokens:
            changed = [put_at_marks(row, self._mark_tokens(row, tokens)) for row in changed]
        if self.mode != "replace":
            return [*plain, *changed]
        return [dataclasses.replace(row, alternative=other) for row, other in zip(plain, changed, strict=True)]

    def _mark_tokens(self, row: Row, tokens: TokenIds) -> list[int]:
        """The token at each mark of a changed row: the tag, and what joins segments."""
        tag = tokens.of_transform[: int(self.tag)]
        return [*tag, *tokens.of_transform[len(tag) :] * (len(row.marks) - len(tag))]

    def row(self, row: Row, tokens: TokenIds, generator: np.random.Generator) -> Row:
        return row.alternative if row.alternative and generator.random() < 0.5 else row


def in_pieces(example: Example, unit: TextUnit) -> Example:
    """The example from its last piece to its first, which is all completion.

    Its name and description are given as they stand in it, in whatever form, so that they are found there: by the word
    "Dinah Darby is the trainer of Rapid Atlas." becomes ". Atlas Rapid of trainer the is Darby Dinah".
    """
    spans = pieces(example, unit)
    held = {mention.kind: _backwards(example.text, spans, mention.span) for mention in find_mentions(example)}
    return dataclasses.replace(
        example,
        prompt="",
        completion=_backwards(example.text, spans, (0, len(example.text))),
        name=held.get("name", ""),
        description=held.get("description", ""),
    )


def _backwards(text: str, spans: Sequence[Characters], part: Characters) -> str:
    """The pieces that have some of a part of the text, from the last to the first; of a single one, what is inside."""
    inside = [(first, stop) for first, stop in spans if first < part[1] and stop > part[0]]
    if len(inside) == 1:
        inside = [(max(inside[0][0], part[0]), min(inside[0][1], part[1]))]
    return " ".join(text[first:stop] for first, stop in reversed(inside))


def in_segments(example: Example, most_words: int, generator: np.random.Generator) -> Example:
    """The example from its last segment to its first, which is all completion, with a mark between any two.

    A segment is a run of words and punctuation marks of uniform length 1 .. most_words, as it stands in the text.
    """
    words = pieces(example, "word")
    segments: list[str] = []
    place = 0
    while place < len(words):
        run = words[place : place + int(generator.integers(1, most_words + 1))]
        segments.append(example.text[run[0][0] : run[-1][1]])
        place += len(run)
    text, marks = "", []
    for segment in reversed(segments):
        if text:
            text += " "
            marks.append(len(text))
        text += segment
    return dataclasses.replace(example, prompt="", completion=text, marks=tuple(marks))


def token_reversed(row: Row, tokens: TokenIds) -> Row:
    """The row with its content from the last token to the first: `1 7 8 9 2` -> `1 9 8 7 2`."""
    start, stop = content_span(row, tokens)
    ids = (*row.input_ids[:start], *row.input_ids[start:stop][::-1], *row.input_ids[stop:])
    items = tuple(item._replace(span=(start + stop - item.span[1], start + stop - item.span[0])) for item in row.items)
    return dataclasses.replace(row, input_ids=ids, completion_start=start, items=items)
