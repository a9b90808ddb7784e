"""The contract of a transform: what is done to the training rows before an objective makes a batch of them. NumPy only:
specs load without torch."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from reversal_cli.data.base import Example
from reversal_cli.objectives.base import Row, Span, TokenIds


class TransformOptions(BaseModel):
    """The contract of a transform, and the base of its options.

    A transform defines `name` (its key in `TRANSFORMS`), `summary`, and some of `examples`, `rows` and `row`, which by
    default change nothing. Options are frozen and have defaults; an unknown key is an error, and so is a value of
    another type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    summary: ClassVar[str]
    """One line for `reversal list`."""
    is_identity: ClassVar[bool] = False
    """Rows are trained as the dataset has them."""
    moves_prompt: ClassVar[bool] = False
    """A changed row has no prompt, so that an objective must learn all of it."""
    variant_option: ClassVar[str | None] = None
    """The option that tables show beside the name: `reverse (word)`."""

    name: str

    @property
    def changes_drawings(self) -> bool:
        """Whether `row` changes rows. A transform that defines it overrides this where that depends on its options."""
        return type(self).row is not TransformOptions.row

    @property
    def extra_tokens(self) -> int:
        """Tokens without a meaning that it wants of the model, in `TokenIds.of_transform`."""
        return 0

    @property
    def epoch_divisor(self) -> int:
        """What the epochs of the training are divided by."""
        return 1

    def unused(self) -> dict[str, str]:
        """Option -> why it has no effect beside the others."""
        return {}

    def check(self, examples: Sequence[Example]) -> None:
        """Raises ReversalError if these training examples cannot be transformed."""

    def examples(self, examples: Sequence[Example], seed: int) -> Sequence[Example]:
        """The training examples, once, as texts. Randomness comes from `seed` and their places alone."""
        return examples

    def rows(self, rows: Sequence[Row], tokens: TokenIds) -> Sequence[Row]:
        """The rows of these examples, once, as tokens."""
        return rows

    def row(self, row: Row, tokens: TokenIds, generator: np.random.Generator) -> Row:
        """A row as one drawing of it is trained. Randomness comes from `generator` alone."""
        return row


def put_at_marks(row: Row, tokens: Sequence[int]) -> Row:
    """The row with a token before each of its marks, one of `tokens` for each, and without marks.

    Example, ids `1 7 8 9 2` with marks 1 and 3, tokens 90 and 91: `1 90 7 8 91 9 2`.
    """
    if not row.marks:
        return row
    ids: list[int] = []
    for index, token_id in enumerate(row.input_ids):
        put = (token for mark, token in zip(row.marks, tokens, strict=True) if mark == index)
        ids += [*put, token_id]
    items = tuple(item._replace(span=_shifted(item.span, row.marks)) for item in row.items)
    return dataclasses.replace(row, input_ids=tuple(ids), items=items, marks=())


def _shifted(span: Span, marks: Sequence[int]) -> Span:
    first, stop = span
    return first + sum(mark <= first for mark in marks), stop + sum(mark < stop for mark in marks)
