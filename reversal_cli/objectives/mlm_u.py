"""MLM-U: masked language modelling at a uniformly drawn rate (Kitouni et al., arXiv 2406.05183), the loss of masked
diffusion (SMDM, LLaDA).

Each row draws its own rate; its masked tokens are predicted at their own places from the others, and weighted by one
over the rate, so that the sum estimates the log-likelihood of the row in a random order. Answers are written from left
to right, each token denoised, or the surest tokens first (SMDM, arXiv 2410.18514).
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from reversal_cli.objectives.base import (
    ROTARY_ONLY,
    Attention,
    Batch,
    Draw,
    FamilyName,
    PromptLayout,
    Row,
    TokenIds,
)
from reversal_cli.objectives.masking import MaskingOptions, denoising_batch
from reversal_cli.objectives.prompt_layout import Denoising, Unmasking

LOWEST_RATE = 1e-3
"""Of the uniform distribution of rates (SMDM)."""
LARGEST_WEIGHT = 20.0
"""One over a rate is no larger: at least one token is masked, so that a tiny rate would count too much."""
CANVAS_OPTIONS = ("steps", "guidance")
"""Options that decoder maskgit reads, and no other."""


class MlmU(MaskingOptions):
    """Masked language modelling at a uniformly drawn rate."""

    summary: ClassVar[str] = "masked language modelling at a uniformly drawn rate (masked diffusion)"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "denoising steps with mirrored rotary attention; answers are denoised token by token",
        "glm": "denoising steps with absolute positions; answers are denoised token by token",
    }
    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {"glm": {"positions": ROTARY_ONLY}}

    name: Literal["mlm-u"] = "mlm-u"
    mask_probability: float | None = Field(default=None, gt=0, lt=1)
    """Probability that a unit is masked, for every row. Unset: each row draws its own, uniformly from 0 to 1."""
    weighting: Literal["inverse-rate", "none"] = "inverse-rate"
    """inverse-rate: the loss of a row's tokens is multiplied by one over its rate (at most 20) and averaged over all
    tokens. none: the plain mean over masked tokens, which is another objective: it counts high rates more."""
    placeholder: Literal["hidden", "learned"] = "hidden"
    """What stands for a masked token. hidden: the pad token, which no token attends to (Kitouni et al.). learned: a
    token without a meaning, attended to (SMDM). Set eos_padding too: without it a placeholder behind a text, where
    answers are written, has only ever stood for eos."""
    positions: Literal["mirrored", "plain"] = "mirrored"
    """mirrored: a token ahead is rotated as if it were as far behind. plain: by its own distance, which no causal model
    has seen."""
    eos_padding: int = Field(default=0, ge=0, le=1000)
    """Tokens that a completion is filled up to with eos, which is masked and learnt like the rest, so that the model
    knows what to write behind an answer (SMDM): as many as evaluation.max_new_tokens. 0: none."""
    decoder: Literal["denoise", "maskgit"] = "denoise"
    """How the trained model answers. denoise: from left to right, one token after the other. maskgit: all of
    evaluation.max_new_tokens are masked, and the surest are written first (SMDM)."""
    steps: int = Field(default=32, ge=1)
    """maskgit: in how many steps an answer is written."""
    guidance: float = Field(default=0.8, ge=0)
    """maskgit: how far the logits move away from those of the same answer without its prompt; 0: not at all."""

    @model_validator(mode="after")
    def _canvases_are_trained(self) -> "MlmU":
        if self.decoder == "maskgit" and self.placeholder == "hidden":
            raise ValueError("decoder 'maskgit' reads placeholders, and placeholder is 'hidden'; choose 'learned'")
        if self.decoder == "maskgit" and self.eos_padding == 0:
            raise ValueError(
                "decoder 'maskgit' writes past the end of an answer, and eos_padding is 0, so that training shows no "
                "such text; set it to evaluation.max_new_tokens"
            )
        return self

    @property
    def rotary_attention(self) -> Attention:
        return "mirrored" if self.positions == "mirrored" else "stock"

    @property
    def masks_attention(self) -> bool:
        return self.rotary_attention == "stock"

    @property
    def extra_tokens(self) -> int:
        return int(self.placeholder == "learned")

    def trained_length(self, length: int, tokens: TokenIds) -> int:
        return length + max(0, self.eos_padding - 1)  # a completion has its eos at least

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        unused = super().unused(family)
        if self.decoder == "denoise":
            unused |= dict.fromkeys(CANVAS_OPTIONS, "it is for decoder 'maskgit', and this is 'denoise'")
        return unused

    @property
    def answer_length(self) -> int | None:
        return self.eos_padding if self.decoder == "maskgit" else None

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        return PromptLayout(denoising=self._denoising(tokens))

    def _denoising(self, tokens: TokenIds) -> Denoising:
        learned = self.placeholder == "learned"
        placeholder = tokens.extra[0] if learned else tokens.pad
        unmasking = Unmasking(self.steps, self.guidance) if self.decoder == "maskgit" else None
        canvas = max(1, self.eos_padding) if learned else 1  # no token sees a hidden one
        return Denoising(placeholder, learned, "same", canvas, unmasking)

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A denoising batch; each row has its own rate."""
        rows = [self.pad_with_eos(row) for row in rows]
        generators = [draw.row_generator(index) for index in range(len(rows))]
        rates = [self.mask_probability or LOWEST_RATE + (1 - LOWEST_RATE) * g.random() for g in generators]
        masked = [
            self.draw_masked(row, tokens, rate, generator, mask_eos=True, mask_first=True)
            for row, rate, generator in zip(rows, rates, generators, strict=True)
        ]
        if self.unit == "span":  # may not reach their rate, so weigh by the share they hold
            maskable = [self.maskable(row, tokens, mask_eos=True, mask_first=True).size for row in rows]
            rates = [len(chosen) / max(1, of_row) for chosen, of_row in zip(masked, maskable, strict=True)]
        return self.weighted_batch(rows, tokens, masked, rates)

    def pad_with_eos(self, row: Row) -> Row:
        """The row with a completion of `eos_padding` tokens or more.

        Example, ids `1 7 8 9 2` with completion 9, eos_padding 4: `1 7 8 9 2 2 2`.
        """
        lacking = row.completion_start + self.eos_padding - len(row.input_ids)
        return dataclasses.replace(row, input_ids=row.input_ids + row.input_ids[-1:] * lacking) if lacking > 0 else row

    def weighted_batch(
        self, rows: Sequence[Row], tokens: TokenIds, masked: Sequence[np.ndarray], rates: Sequence[float]
    ) -> Batch:
        """The batch of given masks. masked: for each row the indices of its masked tokens; rates: the share of
        the row that they hold, drawn or found.

        Example, ids `1 7 8 9 2` with 1, 2 and 4 masked at rate 0.5: input `1 0 0 9 0`, labels `- 7 8 - 2`, each
        weighted by 2; every query sees keys 0 and 3.
        """
        batch = denoising_batch(rows, tokens, masked, self._denoising(tokens))
        if self.weighting == "none":
            return batch
        inverse = np.minimum(1 / np.array(rates, dtype=np.float32), LARGEST_WEIGHT)  # [b]
        weights = np.broadcast_to(inverse[:, None], batch.labels.shape).copy()
        return dataclasses.replace(batch, weights=weights, normalizer=float(batch.lengths.sum()))
