"""PLM: permutation language modelling (XLNet, Yang et al., arXiv 1906.08237): tokens are predicted in a random order.

A row is read as two streams. The content stream is the row, in which a token sees itself and what the order puts before
it. The query stream has a placeholder for each token but the first: it stands at the token's position, sees what the
order puts before the token, and predicts it. No token sees a placeholder.

Every token is predicted (XLNet: the last ones of the order alone, which leaves most of a short row unlearnt). A part of
the batches is next-token prediction, so that the model still continues a text.
"""

from collections.abc import Collection, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from reversal_cli.objectives.base import (
    IGNORE,
    ROTARY_ONLY,
    Attention,
    Batch,
    Draw,
    FamilyName,
    Row,
    TokenIds,
)
from reversal_cli.objectives.protection import ProtectingOptions
from reversal_cli.objectives.rows import next_token_batch, pad_rows

NEVER = np.iinfo(np.int64).max
"""The rank of what no token sees."""


class Plm(ProtectingOptions):
    """Permutation language modelling."""

    summary: ClassVar[str] = "permutation language modelling: tokens are predicted in a random order"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "causal steps, and steps in a random order with mirrored rotary attention",
        "glm": "causal steps, and steps in a random order with absolute positions (nothing to mirror)",
    }
    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {"glm": {"positions": ROTARY_ONLY}}

    name: Literal["plm"] = "plm"
    ntp_share: float = Field(default=0.5, ge=0, le=1)
    """Probability that a batch is an NTP batch; in the others each row has an order of its own."""
    positions: Literal["mirrored", "plain"] = "mirrored"
    """mirrored: a token ahead is rotated as if it were as far behind. plain: by its own distance, which no causal model
    has seen."""

    @property
    def rotary_attention(self) -> Attention:
        return "mirrored" if self.positions == "mirrored" else "stock"

    @property
    def masks_attention(self) -> bool:
        return self.rotary_attention == "stock"

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        unused = super().unused(family)
        if self.ntp_share == 1:
            unused |= dict.fromkeys(("positions", "protect"), "it is for batches in a random order, and ntp_share is 1")
        return unused

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """An NTP batch with probability `ntp_share`, else one whose rows are permuted."""
        if draw.batch_generator().random() < self.ntp_share:
            return next_token_batch(rows, tokens, "sequence")
        orders = [1 + draw.row_generator(i).permutation(len(row.input_ids) - 1) for i, row in enumerate(rows)]
        return permuted_batch(rows, orders, tokens, [self.protected(row) for row in rows])


def permuted_batch(
    rows: Sequence[Row],
    orders: Sequence[np.ndarray],
    tokens: TokenIds,
    protected: Sequence[Collection[int]] | None = None,
) -> Batch:
    """orders: for each row the indices of its tokens but the first, int64 [n - 1], as they are predicted. protected:
    for each row the indices of those that are read alone.

    Example, ids `1 7 8 9 2` in the order 3 1 4 2: input `1 7 8 9 2 0 0 0 0`, positions `0 1 2 3 4 1 2 3 4`, labels
    `- - - - - 7 8 9 2`; token 1 sees 0, 3 and itself, and its placeholder 0 and 3.
    """
    ids = [row.input_ids for row in rows]
    ranks = [np.concatenate([[0], 1 + np.argsort(order)]) for order in orders]  # the first token's, then the others'
    input_ids, real = pad_rows([[*row, *[tokens.pad] * (len(row) - 1)] for row in ids], tokens.pad)
    ignored = protected or [()] * len(rows)
    targets = [
        [IGNORE if index in of_row else row[index] for index in range(1, len(row))]
        for row, of_row in zip(ids, ignored, strict=True)
    ]
    labels = pad_rows([[*[IGNORE] * len(row), *of_row] for row, of_row in zip(ids, targets, strict=True)], IGNORE).ids
    position_ids = pad_rows([[*range(len(row)), *range(1, len(row))] for row in ids], 0).ids
    key_ranks = pad_rows([[*rank, *[NEVER] * (len(rank) - 1)] for rank in ranks], NEVER).ids
    reaches = pad_rows([[*rank, *(rank[1:] - 1)] for rank in ranks], 0).ids  # padding sees the first token
    attention_mask = (key_ranks[:, None, :] <= reaches[:, :, None])[:, None]  # [b, 1, s, s]
    if tokens.two_row_positions:
        position_ids = np.stack([position_ids, np.zeros_like(position_ids)], axis=1)
    return Batch(input_ids, attention_mask, position_ids, labels, real.sum(axis=1))
