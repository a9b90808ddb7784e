"""Masked fine-tuning (Pan et al., arXiv 2510.09885): a causal model restores a text from a masked copy of itself.

`[bos] masked copy [SEP] text [eos]` is read from left to right, with a loss after SEP alone. Where the copy lacks the
name and has the description, the model learns to say the name from it. In the prompted form, for instruct checkpoints,
the copy is the user's part of a chat and the text the assistant's. Attention and evaluation are those of an ordinary
causal model in either form.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from reversal_cli.objectives.base import GLM_CAUSAL, IGNORE, Batch, Draw, FamilyName, Row, TokenIds
from reversal_cli.objectives.masking import MaskingOptions
from reversal_cli.objectives.rows import next_token_labels, pad_rows, positions
from reversal_cli.objectives.spans import content_span

INSTRUCTION = "Write this text again and fill in the words that are missing:\n"
"""What the user says before the copy. The wording is ours."""
LOWEST_RATE, HIGHEST_RATE = 0.05, 0.95
"""Of the uniform distribution of rates, as published."""


class MaskedFt(MaskingOptions):
    """Masked fine-tuning."""

    summary: ClassVar[str] = "masked fine-tuning: a causal model restores the text from a masked copy before it"
    on: ClassVar[dict[FamilyName, str]] = {"rotary": "causal", "glm": GLM_CAUSAL}

    name: Literal["masked-ft"] = "masked-ft"
    form: Literal["plain", "prompted"] = "plain"
    """What parts the copy from the text. plain: a token without a meaning. prompted: the model's chat template, for
    instruct checkpoints: the user asks for the text of the copy, and the assistant writes it."""
    mask_probability: float | None = Field(default=None, gt=0, lt=1)
    """Probability that a unit of the copy is masked, for every row. Unset: each row draws its own, uniformly from 0.05
    to 0.95."""
    corruption: Literal["mask", "random", "random-copy"] = "mask"
    """What stands for a masked token in the copy. mask: a token without a meaning. random: any token of the
    vocabulary: the copy then does not say where it is wrong. random-copy: the same for every token of the copy, a
    control: it tells the length of the text alone, so that N2D-reverse must fall to the level of NTP."""

    @property
    def extra_tokens(self) -> int:
        return 2 if self.form == "plain" else 1

    @property
    def instruction(self) -> str | None:
        return None if self.form == "plain" else INSTRUCTION

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        unused = super().unused(family)
        if self.corruption == "random-copy":
            why = "it is for masks, and corruption 'random-copy' replaces the whole copy"
            unused |= dict.fromkeys(("mask_probability", "unit", "protect"), why)
        return unused

    def trained_length(self, length: int, tokens: TokenIds) -> int:
        if tokens.two_row_positions:  # the text stands at the positions of its copy
            return length
        return 2 * length + (len(tokens.chat.before) + len(tokens.chat.between) if tokens.chat else 0)

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """Each row with its copy; its rate and its masks are its own."""
        copies = []
        for index, row in enumerate(rows):
            generator = draw.row_generator(index)
            rate = self.mask_probability or generator.uniform(LOWEST_RATE, HIGHEST_RATE)
            copy = np.array(row.input_ids, dtype=np.int64)
            if self.corruption == "random-copy":
                replaced = np.arange(*content_span(row, tokens))
            else:
                replaced = self.draw_masked(row, tokens, rate, generator, mask_first=True)
            is_mask = self.corruption == "mask"
            copy[replaced] = tokens.extra[0] if is_mask else generator.integers(tokens.vocabulary, size=replaced.size)
            copies.append(copy)
        return copied_batch(rows, copies, tokens)


def copied_batch(rows: Sequence[Row], copies: Sequence[np.ndarray], tokens: TokenIds) -> Batch:
    """copies: for each row its ids with some of them replaced.

    Example, ids `1 7 8 9 2` with 1 masked (mask 90, SEP 91): input `1 90 8 9 91 7 8 9 2`, labels `- - - - 7 8 9 2 -`.
    In a chat (before 1 80, between 81 82): input `1 80 90 8 9 81 82 7 8 9 2`, labels `- - - - - - 7 8 9 2 -`.
    A GLM of 2022 learns each position by itself, so there the text stands where it will be asked, 1 2 3 4 above.
    """
    laid_out, starts, content = [], [], []
    for row, copy in zip(rows, copies, strict=True):
        start, stop = content_span(row, tokens)
        if tokens.chat is None:
            before = [*copy[:stop].tolist(), tokens.extra[1]]
        else:
            before = [*tokens.chat.before, *copy[start:stop].tolist(), *tokens.chat.between]
        laid_out.append([*before, *row.input_ids[start:]])
        starts.append(len(before))
        content.append(start)
    input_ids, real = pad_rows(laid_out, tokens.pad)
    places, text = np.arange(input_ids.shape[1]), np.array(starts)[:, None]
    labels = next_token_labels(np.where(real & (places >= text), input_ids, IGNORE))
    position_ids = positions(input_ids, tokens.two_row_positions)
    if tokens.two_row_positions:
        again = places - text + np.array(content)[:, None]
        position_ids[:, 0] = np.where(real, np.where(places >= text - 1, again, places), 0)
    return Batch(input_ids, real, position_ids, labels, real.sum(axis=1))
