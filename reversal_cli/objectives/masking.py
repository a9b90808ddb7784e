"""Which tokens of a row are masked: each for itself, whole names and descriptions, or spans."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from reversal_cli.objectives.base import IGNORE, Batch, Row, TokenIds
from reversal_cli.objectives.prompt_layout import Denoising
from reversal_cli.objectives.protection import ProtectingOptions
from reversal_cli.objectives.rows import next_token_labels, pad_rows, positions
from reversal_cli.objectives.spans import content_span, draw_token_spans, refuse_rows_without

SPAN_MEAN = 3.0
"""Tokens of a span, as in GLM's pretraining."""


class MaskingOptions(ProtectingOptions):
    """Options of the objectives that mask tokens."""

    unit: Literal["token", "entity", "span"] = "token"
    """What is masked as one. token: each for itself. entity: a whole name, a whole description, or any other token.
    span: runs of tokens of Poisson length (mean 3), drawn until they hold that share of a row, as far as they fit with
    a token between any two: high rates mask some 70 percent."""

    def check(self, rows: Sequence[Row]) -> None:
        if self.unit == "entity":
            refuse_rows_without({"name", "description"}, rows, "objective.unit", "choose 'token' or 'span'")
        super().check(rows)

    def draw_masked(
        self,
        row: Row,
        tokens: TokenIds,
        probability: float,
        generator: np.random.Generator,
        mask_eos: bool = False,
        mask_first: bool = False,
    ) -> np.ndarray:
        """Indices of a row's masked tokens, int64 [n], in order: each unit with `probability`, at least one of them.

        Special tokens are never masked, the eos only with `mask_eos`; the first token of a row without bos is with
        `mask_first`, unless it alone is left to be read. BICO's published code can leave a row without a mask; the mean
        over no label is NaN, so one unit is drawn instead. A row of special tokens alone has none.
        """
        maskable = self.maskable(row, tokens, mask_eos, mask_first)
        masked = self._draw(row, maskable, probability, generator) if maskable.size else maskable
        return masked[1:] if masked.size == len(row.input_ids) else masked

    def _draw(self, row: Row, maskable: np.ndarray, probability: float, generator: np.random.Generator) -> np.ndarray:
        if self.unit == "span":
            spans = draw_token_spans((0, maskable.size), maskable.size, probability, SPAN_MEAN, generator)
            return np.concatenate([maskable[slice(*span)] for span in spans])
        units = self._units(row, maskable)  # of each token
        count = int(units[-1]) + 1
        chosen = generator.random(count) < probability
        if not chosen.any():
            chosen[generator.integers(count)] = True
        return maskable[chosen[units]]

    def maskable(self, row: Row, tokens: TokenIds, mask_eos: bool = False, mask_first: bool = False) -> np.ndarray:
        """Indices of the tokens that may be masked, int64 [n], as `draw_masked` has them."""
        protected = self.protected(row)
        special = tokens.special - {row.input_ids[-1]} if mask_eos else tokens.special
        # What predicts a token from the logits before it has none for the first.
        start = max(content_span(row, tokens)[0], 0 if mask_first else 1)
        free = [i for i in range(start, len(row.input_ids)) if row.input_ids[i] not in special and i not in protected]
        return np.array(free, dtype=np.int64)

    def _units(self, row: Row, maskable: np.ndarray) -> np.ndarray:
        """The unit that each of these tokens belongs to, numbered from 0 in the order of the text: int64 [n]."""
        if self.unit == "token":
            return np.arange(maskable.size)
        item_of = {index: number for number, item in enumerate(row.items) for index in range(*item.span)}
        keys = [item_of.get(index, -1 - index) for index in maskable.tolist()]
        number_of = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([number_of[key] for key in keys], dtype=np.int64)


class Masked(NamedTuple):
    """Rows, padded on the right, in which placeholders stand for the masked tokens."""

    input_ids: np.ndarray
    """int64 [b, s]"""
    targets: np.ndarray
    """int64 [b, s]: the masked tokens, IGNORE elsewhere."""
    real: np.ndarray
    """bool [b, s], False = padding."""
    is_masked: np.ndarray
    """bool [b, s]"""


def mask_rows(rows: Sequence[Row], pad: int, masked: Sequence[np.ndarray], placeholder: int) -> Masked:
    """masked: for each row the indices of its masked tokens."""
    clean_ids, real = pad_rows([row.input_ids for row in rows], pad)
    is_masked = np.zeros_like(real)
    for index, chosen in enumerate(masked):
        is_masked[index, chosen] = True
    targets = np.where(is_masked, clean_ids, IGNORE)
    return Masked(np.where(is_masked, placeholder, clean_ids), targets, real, is_masked)


def denoising_batch(
    rows: Sequence[Row], tokens: TokenIds, masked: Sequence[np.ndarray], denoising: Denoising | None = None
) -> Batch:
    """The denoising layout: placeholders are queries, but no keys unless they are visible.

    Example, ids `1 7 8 9 2` with index 2 masked: input `1 7 0 9 2`, labels `- 8 - - -` (the logits before the masked
    token predict it; with target "same" `- - 8 - -`), and every query, whatever its position, may attend keys 0, 1, 3
    and 4.
    """
    denoising = denoising or Denoising(tokens.pad, False, "next")
    laid_out = mask_rows(rows, tokens.pad, masked, denoising.placeholder)
    keys = laid_out.real if denoising.placeholder_visible else laid_out.real & ~laid_out.is_masked
    batch, width = keys.shape
    attention_mask = np.broadcast_to(keys[:, None, None, :], (batch, 1, width, width)).copy()
    position_ids = positions(laid_out.input_ids, tokens.two_row_positions)
    labels = next_token_labels(laid_out.targets) if denoising.target == "next" else laid_out.targets
    return Batch(laid_out.input_ids, attention_mask, position_ids, labels, laid_out.real.sum(axis=1))
