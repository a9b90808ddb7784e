"""BICO: bidirectional causal optimisation (Lv et al., arXiv 2311.07468).

Per batch a coin decides between an ordinary NTP step and a denoising step: random tokens are replaced by a placeholder,
attention is bidirectional over the tokens that are real and not masked, and the logits at i-1 predict the masked token
at i. The mirrored rotary attention that makes this work lives in `models/attention.py`; the learned absolute positions
of GLM need no mirroring.

The placeholder is the pad token. Where a Llama's config names a pad token, as tiny-llama's does, reading a placeholder
trains no embedding row (`padding_idx`): what the model learns about it lies in its other weights, as under LoRA, where
no embedding is trained at all.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, Strict, field_validator

from reversal_cli.objectives.base import (
    IGNORE,
    Attention,
    Batch,
    Draw,
    FamilyName,
    LossOn,
    ObjectiveOptions,
    Row,
    TokenIds,
    next_token_batch,
    next_token_labels,
    pad_rows,
    positions,
)

Probability = Annotated[float, Field(gt=0, lt=1)]


class Bico(ObjectiveOptions):
    """Bidirectional causal optimisation. Defaults are the published values."""

    summary: ClassVar[str] = "bidirectional causal optimisation (mirrored rotary attention + mask denoising)"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "causal steps, and denoising steps with mirrored rotary attention",
        "glm": "causal steps, and denoising steps with absolute positions (nothing to mirror)",
    }

    name: Literal["bico"] = "bico"
    loss_on: LossOn = "sequence"
    """Which tokens NTP steps learn: the whole sequence (published) or the completion only."""
    mask_probability: Probability | Annotated[tuple[Probability, Probability], Strict(False)] = 0.15
    """Probability that a token is masked in a denoising step; a pair draws it per batch, uniformly from that range."""
    bico_share: float = Field(default=0.5, ge=0, le=1)
    """Probability that a batch is a denoising batch; the others are NTP."""

    @field_validator("mask_probability")
    @classmethod
    def _range_is_ordered(cls, value: float | tuple[float, float]) -> float | tuple[float, float]:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError(f"the range {list(value)} is empty; give [low, high]")
        return value

    @property
    def attention(self) -> Attention:
        return "mirrored"

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        if self.bico_share == 0:
            return {"mask_probability": "it is for denoising batches, and bico_share is 0"}
        return {"loss_on": "it is for NTP batches, and bico_share is 1"} if self.bico_share == 1 else {}

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A denoising batch with probability `bico_share`, else an NTP batch."""
        generator = draw.batch_generator()
        if generator.random() >= self.bico_share:
            return next_token_batch(rows, tokens, self.loss_on)
        probability = self.mask_probability
        if isinstance(probability, tuple):
            probability = generator.uniform(*probability)
        masked = [choose_masked(row, tokens, probability, draw.row_generator(i)) for i, row in enumerate(rows)]
        return denoising_batch(rows, tokens, masked)


def choose_masked(row: Row, tokens: TokenIds, probability: float, generator: np.random.Generator) -> np.ndarray:
    """Indices of the masked tokens of one row: each non-special token with `probability`, at least one of them.

    The published code can leave a row without any; the mean over no label is NaN, so one token is drawn instead.
    A row of special tokens alone masks nothing.
    """
    candidates = np.array([i for i, token in enumerate(row.input_ids) if token not in tokens.special], dtype=np.int64)
    # Index 0 has no logits before it that could predict it; with a bos token it is special anyway.
    candidates = candidates[candidates > 0]
    if candidates.size == 0:
        return candidates
    chosen = candidates[generator.random(candidates.size) < probability]
    return chosen if chosen.size else candidates[[generator.integers(candidates.size)]]


def denoising_batch(rows: Sequence[Row], tokens: TokenIds, masked: Sequence[np.ndarray]) -> Batch:
    """The denoising layout: masked positions hold the pad id and are predicted; they are queries, but no keys.

    Example, ids `1 7 8 9 2` with index 2 masked: input `1 7 0 9 2`, labels `- 8 - - -` (the logits before the masked
    token predict it), and every query, whatever its position, may attend keys 0, 1, 3 and 4.
    """
    clean_ids, real = pad_rows([row.input_ids for row in rows], tokens.pad)
    targets = np.full_like(clean_ids, IGNORE)
    for index, chosen in enumerate(masked):
        targets[index, chosen] = clean_ids[index, chosen]
    is_masked = targets != IGNORE
    input_ids = np.where(is_masked, tokens.pad, clean_ids)
    keys = real & ~is_masked
    batch, width = keys.shape
    attention_mask = np.broadcast_to(keys[:, None, None, :], (batch, 1, width, width)).copy()
    position_ids = positions(input_ids, tokens.two_row_positions)
    return Batch(input_ids, attention_mask, position_ids, next_token_labels(targets), real.sum(axis=1))
