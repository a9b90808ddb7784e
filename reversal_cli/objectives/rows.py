"""Rows as arrays: padded, with positions, and as the ordinary causal batch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reversal_cli.objectives.base import IGNORE, Batch, LossOn, Row, TokenIds


class Padded(NamedTuple):
    """Rows of several lengths as one array, padded on the right."""

    ids: np.ndarray
    """int64 [b, s]"""
    real: np.ndarray
    """bool [b, s], False = padding."""


def pad_rows(rows: Sequence[Sequence[int]], pad: int) -> Padded:
    """The rows as wide as the longest."""
    width = max(len(row) for row in rows)
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    real = np.zeros((len(rows), width), dtype=bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        real[index, : len(row)] = True
    return Padded(ids, real)


def positions(input_ids: np.ndarray, two_rows: bool) -> np.ndarray:
    """0 .. s-1 for every row, of a text without blanks: int64 [b, s]; with two rows [b, 2, s], zeros in the second.

    Always explicit, so that no model guesses packed rows from a mask.
    """
    counted = np.broadcast_to(np.arange(input_ids.shape[1], dtype=np.int64), input_ids.shape)
    return np.stack([counted, np.zeros_like(counted)], axis=1) if two_rows else counted.copy()


def next_token_labels(targets: np.ndarray) -> np.ndarray:
    """Labels where the token at t+1 is predicted at t: `targets` int64 [b, s] moved one to the left."""
    labels = np.full_like(targets, IGNORE)
    labels[:, :-1] = targets[:, 1:]
    return labels


def next_token_batch(rows: Sequence[Row], tokens: TokenIds, loss_on: LossOn) -> Batch:
    """The ordinary causal batch: every real token but the first is predicted, or every completion token."""
    input_ids, real = pad_rows([row.input_ids for row in rows], tokens.pad)
    targets = np.where(real, input_ids, IGNORE)
    if loss_on == "completion":
        for index, row in enumerate(rows):
            targets[index, : row.completion_start] = IGNORE
    position_ids = positions(input_ids, tokens.two_row_positions)
    return Batch(input_ids, real, position_ids, next_token_labels(targets), real.sum(axis=1))
