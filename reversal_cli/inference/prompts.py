"""Prompts as the model reads them, one by one and as a batch.

Rows are padded on the left, hidden by the attention mask and not counted in the positions, so that a completion does
not depend on the batch it is in.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reversal_cli.errors import ReversalError
from reversal_cli.inference.batching import left_pad
from reversal_cli.objectives.base import TokenIds
from reversal_cli.objectives.blanks import single_row_positions
from reversal_cli.objectives.prompt_layout import Denoising, PromptLayout, SpanPositions


class Prompt(NamedTuple):
    """What the model reads before it writes the next token."""

    input_ids: tuple[int, ...]
    positions: tuple[tuple[int, ...], ...]
    """One row, or GLM's two, of a position per token."""
    prefix: int
    """The first tokens, which see each other; 0: all attention is causal."""
    step: tuple[int, ...]
    """How far each row of positions moves from one written token to the next."""
    denoising: Denoising | None = None
    """The next token is denoised, not continued with: `positions` go on for the placeholder."""
    masked_ids: tuple[int, ...] = ()
    """`input_ids` with a placeholder for each word, where an answer is denoised."""


def continued_prompt(ids: Sequence[int], tokens: TokenIds, layout: PromptLayout) -> Prompt:
    """A text (without eos) that is continued without a blank."""
    start = next((index for index, id in enumerate(ids) if id not in tokens.special), len(ids))
    ids = (*ids[:start], *layout.before, *ids[start:], *layout.after)
    prefix = len(ids) if layout.bidirectional else 0
    text, denoising = tuple(range(len(ids))), layout.denoising
    masked = tuple(id if id in tokens.special else denoising.placeholder for id in ids) if denoising else ()
    if tokens.two_row_positions:
        return Prompt(tuple(ids), (text, (0,) * len(ids)), prefix, (1, 0), denoising, masked)
    return Prompt(tuple(ids), (text,), prefix, (1,), denoising, masked)


def ending_prompt(ids: Sequence[int], tokens: TokenIds, layout: PromptLayout) -> Prompt:
    """A text (without eos) whose end is asked for, laid out as in training up to the last token that is given."""
    before = len(ids) if layout.tokens_before is None else min(layout.tokens_before, len(ids))
    return blank_prompt([*ids[:before], *layout.blank], before, tokens, layout.span_positions, begun=ids[before:])


def blank_prompt(
    ids: Sequence[int], blank: int, tokens: TokenIds, span_positions: SpanPositions, begun: Sequence[int] = ()
) -> Prompt:
    """A text with a mask token at index `blank` that is to be filled; `begun` are the first words of the filling."""
    input_ids = (*ids, tokens.blanks.sop, *begun)
    text = (*range(len(ids)), *[blank] * (1 + len(begun)))
    block = (*[0] * len(ids), *range(1, 2 + len(begun)))
    if tokens.two_row_positions:
        return Prompt(input_ids, (text, block), len(ids), (0, 1))
    row = single_row_positions(np.array([text]), np.array([block]), span_positions)[0]
    return Prompt(input_ids, (tuple(row.tolist()),), len(ids), (1,))


def endings(tokens: TokenIds) -> frozenset[int]:
    """The tokens that end a blank."""
    return frozenset({tokens.blanks.eop, tokens.blanks.eos})


def is_causal(prompts: Sequence[Prompt]) -> bool:
    """Whether the model's own mask will do, so that any attention implementation does."""
    return not any(prompt.prefix for prompt in prompts) and len(prompts[0].positions) == 1


def rows_as_expected(position_ids: Tensor) -> Tensor:
    """GLM's [b, 2, s] as they are; one row as [b, s]."""
    return position_ids if position_ids.shape[1] == 2 else position_ids[:, 0]


class PromptBatch(NamedTuple):
    """Prompts as the arguments of a model, padded on the left."""

    input_ids: Tensor
    """int64 [b, s]"""
    position_ids: Tensor
    """int64 [b, rows, s]"""
    attention_mask: Tensor
    """bool [b, 1, s, s]"""


def lay_out_batch(prompts: Sequence[Prompt], device: torch.device) -> PromptBatch:
    """The prompts as one batch on the device.

    A padding token sees itself: attention to nothing would be NaN, which no mask keeps out of a sum.
    """
    input_ids = left_pad([prompt.input_ids for prompt in prompts], 0)
    rows_of_positions = zip(*(prompt.positions for prompt in prompts), strict=True)
    position_ids = torch.stack([left_pad(rows, 0) for rows in rows_of_positions], dim=1)
    attention_mask = torch.eye(input_ids.shape[1], dtype=torch.bool).repeat(len(prompts), 1, 1)
    for row, prompt in enumerate(prompts):
        length = len(prompt.input_ids)
        sees = torch.ones(length, length, dtype=torch.bool).tril()
        sees[:, : prompt.prefix] = True
        attention_mask[row, -length:, -length:] = sees
    return PromptBatch(input_ids.to(device), position_ids.to(device), attention_mask[:, None].to(device))


def refuse_long_prompt(prompt: Prompt, text: str, max_new_tokens: int, max_position: int | None) -> None:
    """Raises ReversalError if the model lacks a position for a token of the prompt or of its completion."""
    last = last_position(prompt, max_new_tokens)
    if max_position is not None and last > max_position:
        raise ReversalError(
            f"prompt {text[:80]!r}: {len(prompt.input_ids)} tokens with {max_new_tokens} new ones, needs position "
            f"{last}; expected at most {max_position}, the last one this model has; shorten the prompt or lower "
            "evaluation.max_new_tokens"
        )


def last_position(prompt: Prompt, new_tokens: int) -> int:
    """The largest position of the prompt and of its new tokens, the last of which is never read, or of placeholders."""
    ahead = max(new_tokens, prompt.denoising.canvas) if prompt.denoising else new_tokens - 1
    return max(max(max(row), row[-1] + step * ahead) for row, step in zip(prompt.positions, prompt.step, strict=True))
