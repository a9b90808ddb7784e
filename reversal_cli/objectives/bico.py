"""BICO: bidirectional causal optimisation (Lv et al., arXiv 2311.07468), and its ablations.

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
from pydantic import Field, Strict, field_validator, model_validator

from reversal_cli.objectives.base import (
    ROTARY_ONLY,
    Attention,
    Batch,
    Draw,
    FamilyName,
    LossOn,
    PromptLayout,
    Row,
    TokenIds,
)
from reversal_cli.objectives.masking import MaskingOptions, denoising_batch, mask_rows
from reversal_cli.objectives.prompt_layout import Denoising
from reversal_cli.objectives.rows import next_token_batch

Probability = Annotated[float, Field(gt=0, lt=1)]
DENOISING_OPTIONS = (
    "mask_probability",
    "unit",
    "protect",
    "mask_eos",
    "target",
    "positions",
    "placeholder",
    "attention",
)
"""Options that denoising batches read."""
DECODER_OPTIONS = ("target", "positions", "placeholder")
"""Those that decoder 'denoise' reads too."""


class Bico(MaskingOptions):
    """Bidirectional causal optimisation. Defaults are the published values."""

    summary: ClassVar[str] = "bidirectional causal optimisation (mirrored rotary attention + mask denoising)"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "causal steps, and denoising steps with mirrored rotary attention",
        "glm": "causal steps, and denoising steps with absolute positions (nothing to mirror)",
    }
    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {"glm": {"positions": ROTARY_ONLY}}

    name: Literal["bico"] = "bico"
    loss_on: LossOn = "sequence"
    """Which tokens NTP steps learn: the whole sequence (published) or the completion only."""
    mask_probability: Probability | Annotated[tuple[Probability, Probability], Strict(False)] = 0.15
    """Probability that a unit is masked in a denoising step; a pair draws it per batch, uniformly from that range."""
    bico_share: float = Field(default=0.5, ge=0, le=1)
    """Probability that a batch is a denoising batch; the others are NTP."""
    mask_eos: bool = False
    """The end of a row may be masked too. Without it denoising never learns to end a text."""
    target: Literal["next", "same"] = "next"
    """Where a masked token is predicted. next: at the position before it (published). same: at its own, as in BERT."""
    positions: Literal["mirrored", "plain"] = "mirrored"
    """mirrored: a token ahead is rotated as if it were as far behind. plain: by its own distance, which no causal model
    has seen."""
    placeholder: Literal["hidden", "pad", "learned"] = "hidden"
    """What stands for a masked token. hidden: the pad token, which no token attends to. pad: the same, attended to.
    learned: a token without a meaning, attended to."""
    attention: Literal["bidirectional", "causal"] = "bidirectional"
    """causal: denoising steps are NTP steps in which masked tokens are hidden from those after them."""
    decoder: Literal["continue", "denoise"] = "continue"
    """How the trained model answers. continue: as any causal model. denoise: each token of the answer is denoised."""

    @field_validator("mask_probability")
    @classmethod
    def _range_is_ordered(cls, value: float | tuple[float, float]) -> float | tuple[float, float]:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError(f"the range {list(value)} is empty; give [low, high]")
        return value

    @model_validator(mode="after")
    def _causal_models_do_not_denoise(self) -> "Bico":
        if self.decoder == "denoise" and self.attention == "causal":
            raise ValueError("decoder 'denoise' reads in both directions, and attention is 'causal'; choose 'continue'")
        return self

    @property
    def rotary_attention(self) -> Attention:
        return "mirrored" if self.positions == "mirrored" and self.attention == "bidirectional" else "stock"

    @property
    def masks_attention(self) -> bool:
        return self.rotary_attention == "stock" and self.attention == "bidirectional"

    @property
    def needs_prompt(self) -> bool:
        return self.loss_on == "completion"

    @property
    def extra_tokens(self) -> int:
        return int(self.placeholder == "learned")

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        if self.decoder == "continue":
            return PromptLayout()
        return PromptLayout(denoising=Denoising(self._placeholder_id(tokens), self._is_visible, self.target))

    @property
    def _is_visible(self) -> bool:
        return self.placeholder != "hidden"

    def _placeholder_id(self, tokens: TokenIds) -> int:
        return tokens.extra[0] if self.placeholder == "learned" else tokens.pad

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        unused = super().unused(family)
        if self.bico_share == 0:
            read = DECODER_OPTIONS if self.decoder == "denoise" else ()
            options = [name for name in DENOISING_OPTIONS if name not in read]
            return unused | dict.fromkeys(options, "it is for denoising batches, and bico_share is 0")
        if self.bico_share == 1:
            unused["loss_on"] = "it is for NTP batches, and bico_share is 1"
        if self.attention == "causal":
            why = "it is for attention 'bidirectional', and this is 'causal'"
            unused |= dict.fromkeys((*DECODER_OPTIONS, "mask_eos"), why)
        return unused

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A denoising batch with probability `bico_share`, else an NTP batch."""
        generator = draw.batch_generator()
        if generator.random() >= self.bico_share:
            return next_token_batch(rows, tokens, self.loss_on)
        probability = self.mask_probability
        if isinstance(probability, tuple):
            probability = generator.uniform(*probability)
        masked = [
            self.draw_masked(
                row, tokens, probability, draw.row_generator(index), self.mask_eos, mask_first=self.target == "same"
            )
            for index, row in enumerate(rows)
        ]
        if self.attention == "causal":
            return hidden_inputs_batch(rows, tokens, masked)
        denoising = Denoising(self._placeholder_id(tokens), self._is_visible, self.target)
        return denoising_batch(rows, tokens, masked, denoising)


def hidden_inputs_batch(rows: Sequence[Row], tokens: TokenIds, masked: Sequence[np.ndarray]) -> Batch:
    """A causal batch that predicts every token, in which no token attends to the masked ones (MEAP, 2502.07490).

    Example, ids `1 7 8 9 2` with index 2 masked: input `1 7 0 9 2`, labels `7 8 9 2 -`, keys 0, 1, 3, 4.
    """
    laid_out = mask_rows(rows, tokens.pad, masked, tokens.pad)
    clean = next_token_batch(rows, tokens, "sequence")
    keys = laid_out.real & ~laid_out.is_masked
    return Batch(laid_out.input_ids, keys, clean.position_ids, clean.labels, clean.lengths)
