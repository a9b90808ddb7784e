"""Prefix language modelling (UniLM, T5): the beginning of a row is read in both directions, the rest is written.

A control: what is to be said lies before what is predicted, as in NTP, so bidirectional attention alone should not
teach the reverse.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from reversal_cli.objectives.base import (
    IGNORE,
    ROTARY_ONLY,
    Attention,
    Batch,
    Draw,
    FamilyName,
    ObjectiveOptions,
    PromptLayout,
    Row,
    TokenIds,
)
from reversal_cli.objectives.blanks import prefix_mask
from reversal_cli.objectives.rows import next_token_labels, pad_rows, positions
from reversal_cli.objectives.spans import content_span


class PrefixLm(ObjectiveOptions):
    """Prefix language modelling."""

    summary: ClassVar[str] = "prefix language modelling: the prompt is read in both directions (a control)"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "a prefix whose tokens see each other, then causal",
        "glm": "a prefix without a blank, then causal",
    }

    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {"glm": {"positions": ROTARY_ONLY}}

    name: Literal["prefix-lm"] = "prefix-lm"
    positions: Literal["plain", "mirrored"] = "plain"
    """plain: a token ahead is rotated by its own distance, which no causal model has seen. mirrored: as if it were as
    far behind."""

    @property
    def rotary_attention(self) -> Attention:
        return "mirrored" if self.positions == "mirrored" else "stock"

    @property
    def masks_attention(self) -> bool:
        return self.rotary_attention == "stock"

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        return PromptLayout(bidirectional=True)

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """Each row is split at a place of its own, uniform from its second content token to its last token."""
        splits = []
        for index, row in enumerate(rows):
            first = content_span(row, tokens)[0] + 1
            last = max(first, len(row.input_ids) - 1)
            splits.append(int(draw.row_generator(index).integers(first, last + 1)))
        return prefix_batch(rows, splits, tokens)


def prefix_batch(rows: Sequence[Row], splits: Sequence[int], tokens: TokenIds) -> Batch:
    """splits: for each row the index of the first token that is predicted.

    Example, ids `1 7 8 9 2` split at 3: labels `- - 9 2 -`; tokens 0 to 2 see each other, 3 sees 0 to 3, 4 sees all.
    """
    input_ids, real = pad_rows([row.input_ids for row in rows], tokens.pad)
    predicted = real & (np.arange(input_ids.shape[1]) >= np.array(splits)[:, None])
    labels = next_token_labels(np.where(predicted, input_ids, IGNORE))
    mask = prefix_mask(real, np.array(splits))
    return Batch(input_ids, mask, positions(input_ids, tokens.two_row_positions), labels, real.sum(axis=1))
