"""The blank-infilling layout of GLM (Du et al. 2022, arXiv 2103.10360, section 2.1) as arrays.

Part A is the text with every blank replaced by one mask token; its tokens see each other. Part B holds the blanks one
after the other, each begun by sop: it sees part A, the blanks before it, and itself from left to right.

`1 7 8 9 2` with 8 blank (mask 3, sop 4, eop 5):

    input    1  7  3  9  2 | 4  8
    label    -  -  -  -  - | 8  5        (not shifted)
    row 0    0  1  2  3  4 | 2  2        position in part A: a blank stands where its mask token stands
    row 1    0  0  0  0  0 | 1  2        position in the blank
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reversal_cli.objectives.base import IGNORE, Batch, BlankTokens, Span, TokenIds
from reversal_cli.objectives.prompt_layout import SpanPositions
from reversal_cli.objectives.rows import pad_rows


@dataclass(frozen=True, slots=True)
class BlankRow:
    """One text with blanks, laid out. All sequences have one entry per token."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    text_positions: tuple[int, ...]
    block_positions: tuple[int, ...]
    prefix: int
    """Length of part A."""


def lay_out(
    ids: Sequence[int], spans: Sequence[Span], order: Sequence[int], mask: int, blanks: BlankTokens, ends: bool = True
) -> BlankRow:
    """The layout of `ids` with `spans` (in text order, not overlapping) blank, written in `order` (indices of spans).

    Without `ends` a blank has no eop to predict: its last token is the last label.
    """
    part_a: list[int] = []
    mask_positions = []
    copied = 0
    for start, stop in spans:
        part_a += ids[copied:start]
        mask_positions.append(len(part_a))
        part_a.append(mask)
        copied = stop
    part_a += ids[copied:]
    inputs, labels = list(part_a), [IGNORE] * len(part_a)
    text_positions, block_positions = list(range(len(part_a))), [0] * len(part_a)
    for index in order:
        words = list(ids[slice(*spans[index])])
        targets = [*words, blanks.eop] if ends else words
        inputs += [blanks.sop, *targets[:-1]]
        labels += targets
        text_positions += [mask_positions[index]] * len(targets)
        block_positions += range(1, len(targets) + 1)
    return BlankRow(tuple(inputs), tuple(labels), tuple(text_positions), tuple(block_positions), len(part_a))


def suffix_row(ids: Sequence[int], start: int, long_mask: int | None, blanks: BlankTokens) -> BlankRow:
    """The layout that asks for everything from `start` to the final eos, which ends `ids`.

    With a long mask the text has no eos after it, as GLM reads a prompt; with the ordinary mask it keeps it.
    """
    span = (start, len(ids) - 1)
    if long_mask is None:
        return lay_out(ids, [span], [0], blanks.mask, blanks)
    return lay_out(ids[:-1], [span], [0], long_mask, blanks)


def blank_batch(rows: Sequence[BlankRow], tokens: TokenIds, span_positions: SpanPositions) -> Batch:
    """The rows as one batch. attention_mask: bool [b, 1, s, s]; no query sees padding, and none sees nothing."""
    input_ids, real = pad_rows([row.input_ids for row in rows], tokens.pad)
    labels = pad_rows([row.labels for row in rows], IGNORE).ids
    text = pad_rows([row.text_positions for row in rows], 0).ids
    block = pad_rows([row.block_positions for row in rows], 0).ids
    two_rows = np.stack([text, block], axis=1)  # [b, 2, s]
    position_ids = two_rows if tokens.two_row_positions else single_row_positions(text, block, span_positions)
    attention_mask = prefix_mask(real, np.array([row.prefix for row in rows]))
    return Batch(input_ids, attention_mask, position_ids, labels, real.sum(axis=1))


def single_row_positions(text: np.ndarray, block: np.ndarray, span_positions: SpanPositions) -> np.ndarray:
    """GLM's two rows of positions, int64 [b, s] each, as one row for a rotary model: int64 [b, s].

    A rotary model has one axis. `after_mask` lets the blank begin where its mask token stands, as if it were written
    over what follows; `after_text` appends it to the text.
    """
    if span_positions == "after_mask":
        return text + block
    return np.broadcast_to(np.arange(text.shape[1], dtype=np.int64), text.shape).copy()


def prefix_mask(keys: np.ndarray, prefix: np.ndarray) -> np.ndarray:
    """bool [b, 1, s, s], True = query may attend key: keys up to the query and all keys of the prefix, minus padding.

    keys: bool [b, s], False = padding. prefix: int [b], length of part A.
    """
    index = np.arange(keys.shape[1])
    before = index[None, :] <= index[:, None]  # [s, s]
    in_prefix = index[None, :] < prefix[:, None]  # [b, s]
    return (keys[:, None, :] & (before[None] | in_prefix[:, None, :]))[:, None]
