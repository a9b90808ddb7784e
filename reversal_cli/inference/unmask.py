"""Answers by unmasking: all tokens of an answer are masked at first, and those are written first that the model is
surest of (MaskGIT, as SMDM decodes, arXiv 2410.18514).

The published code takes the surest tokens of the whole batch, which is right for a batch of one. Here each row has its
own, so that an answer does not depend on the batch it is in. A special token that begins a prompt stays in the canvas
without the prompt: our training never masks it.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from reversal_cli.inference.denoise import read_rows
from reversal_cli.inference.finite import refuse_logits
from reversal_cli.inference.prompts import Prompt

LAST_TIME = 1e-5
"""Time, the share of tokens that are masked, runs from 1 to this."""


def unmask_greedily(
    model: PreTrainedModel, prompts: Sequence[Prompt], max_new_tokens: int, ends: frozenset[int]
) -> list[list[int]]:
    """The new tokens of each prompt up to the first of `ends`, that one included, of a canvas of `max_new_tokens`.

    Raises NotFiniteError for a row whose logits are not finite.
    """
    denoising, device = prompts[0].denoising, next(model.parameters()).device
    assert denoising is not None and denoising.unmasking is not None
    canvas = torch.full((len(prompts), max_new_tokens), denoising.placeholder, device=device)
    masked = torch.ones_like(canvas, dtype=torch.bool)
    for count in tokens_per_step(max_new_tokens, denoising.unmasking.steps):
        if not count:
            continue
        logits = _guided_logits(model, prompts, canvas, denoising.unmasking.guidance)  # [b, n, v]
        refuse_logits(logits.flatten(1), range(len(prompts)))
        logits[..., denoising.placeholder] = -torch.inf
        confidence, tokens = logits.log_softmax(dim=-1).max(dim=-1)  # [b, n]
        confidence = confidence.masked_fill(~masked, -torch.inf)
        surest = confidence.argsort(dim=1, descending=True, stable=True)[:, :count]  # of two alike, the first
        canvas.scatter_(1, surest, tokens.gather(1, surest))
        masked.scatter_(1, surest, False)
    return [_up_to_end(row, ends) for row in canvas.tolist()]


def tokens_per_step(length: int, steps: int) -> Iterator[int]:
    """How many of the masked tokens each step writes: from time t to time s, masked * (1 - s / t) rounded down; the
    last step writes all that are left.

    >>> list(tokens_per_step(10, 4))
    [2, 2, 2, 4]
    """
    times = np.linspace(1, LAST_TIME, steps + 1)
    for time, later in itertools.pairwise(times[:-1]):
        count = int(length * (1 - later / time))
        length -= count
        yield count
    yield length


def _guided_logits(model: PreTrainedModel, prompts: Sequence[Prompt], canvas: Tensor, guidance: float) -> Tensor:
    """float32 [b, n, v] at every token of the canvas int64 [b, n], moved away from those without the prompt."""
    rows, length = canvas.tolist(), canvas.shape[1]
    hidden = [0] * len(rows)
    logits = read_rows(model, prompts, rows, hidden, length).float()
    if not guidance:
        return logits
    without = [prompt._replace(input_ids=prompt.masked_ids) for prompt in prompts]
    unconditional = read_rows(model, without, rows, hidden, length).float()
    return unconditional + (guidance + 1) * (logits - unconditional)


def _up_to_end(ids: list[int], ends: frozenset[int]) -> list[int]:
    """The ids up to the first end, that one included; all of them without one."""
    stop = next((index for index, token in enumerate(ids) if token in ends), len(ids))
    return ids[: stop + 1]
