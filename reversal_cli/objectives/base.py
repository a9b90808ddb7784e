"""What every objective shares: tokenized rows in, one training batch out. NumPy only: specs load without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

IGNORE = -100
"""Label of a position that has no loss."""

LossOn = Literal["sequence", "completion"]


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenized example, special tokens included."""

    input_ids: tuple[int, ...]
    completion_start: int
    """Index of the first completion token: the prompt is `input_ids[:completion_start]`."""


@dataclass(frozen=True, slots=True)
class TokenIds:
    """The special tokens a collator needs."""

    pad: int
    special: frozenset[int]
    """Never masked, never a target of denoising: bos, eos, pad ..."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Where the randomness of a batch comes from: nothing but (seed, epoch, example index)."""

    seed: int
    epoch: int
    indices: tuple[int, ...]
    """Index of each row in the training set."""

    def batch_generator(self) -> np.random.Generator:
        """For what is drawn once per batch (BICO's coin and mask rate): keyed by the batch's first example."""
        return np.random.default_rng((self.seed, self.epoch, self.indices[0], 0))

    def row_generator(self, row: int) -> np.random.Generator:
        """For what is drawn per example: the same whatever batch the example lands in."""
        return np.random.default_rng((self.seed, self.epoch, self.indices[row], 1))


@dataclass(frozen=True, slots=True)
class Batch:
    """One training step's arrays, right-padded. The model's logits at t-1 are scored against `labels[t]`."""

    input_ids: np.ndarray
    """int64 [b, s]"""
    attention_mask: np.ndarray
    """bool, True = may attend: [b, s] (keys; the model adds causality) or [b, 1, s, s] (used as it is)."""
    position_ids: np.ndarray
    """int64 [b, s]"""
    labels: np.ndarray
    """int64 [b, s], IGNORE = no loss."""
    tokens: int
    """Real (unpadded) tokens in the batch."""


class ObjectiveOptions(BaseModel):
    """Base of every objective's options. Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss_on: LossOn = "sequence"
    """Which tokens NTP steps learn: the whole sequence (published) or the completion only."""


def pad_rows(rows: Sequence[Row], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Right-padded ids int64 [b, s] and real-token mask bool [b, s]."""
    width = max(len(row.input_ids) for row in rows)
    input_ids = np.full((len(rows), width), pad, dtype=np.int64)
    real = np.zeros((len(rows), width), dtype=bool)
    for index, row in enumerate(rows):
        input_ids[index, : len(row.input_ids)] = row.input_ids
        real[index, : len(row.input_ids)] = True
    return input_ids, real


def positions(input_ids: np.ndarray) -> np.ndarray:
    """0 .. s-1 for every row: int64 [b, s]. Always explicit, so that no model guesses packed rows from a mask."""
    return np.broadcast_to(np.arange(input_ids.shape[1], dtype=np.int64), input_ids.shape).copy()


def next_token_batch(rows: Sequence[Row], tokens: TokenIds, loss_on: LossOn) -> Batch:
    """The ordinary causal batch: every real token is a label, or every completion token."""
    input_ids, real = pad_rows(rows, tokens.pad)
    labels = np.where(real, input_ids, IGNORE)
    if loss_on == "completion":
        for index, row in enumerate(rows):
            labels[index, : row.completion_start] = IGNORE
    return Batch(input_ids, real, positions(input_ids), labels, int(real.sum()))
