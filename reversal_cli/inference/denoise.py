"""Answers by denoising: for each new token the whole row is read anew, and all its tokens see each other.

What is written is what comes next from left to right, as in Kitouni et al. (arXiv 2406.05183): a placeholder stands
after the text, and the logits that training taught to predict it choose the token.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from reversal_cli.inference.batching import left_pad
from reversal_cli.inference.finite import likeliest_tokens
from reversal_cli.inference.prompts import Prompt, rows_as_expected


def denoise_greedily(
    model: PreTrainedModel, prompts: Sequence[Prompt], max_new_tokens: int, ends: frozenset[int]
) -> list[list[int]]:
    """The new tokens of each prompt, the one of `ends` that stopped it included.

    Raises NotFiniteError for a row whose logits are not finite.
    """
    written: list[list[int]] = [[] for _ in prompts]
    unfinished = list(range(len(prompts)))
    for _ in range(max_new_tokens):
        logits = next_logits(model, [prompts[row] for row in unfinished], [written[row] for row in unfinished])
        for row, token in zip(unfinished, likeliest_tokens(logits, unfinished).tolist(), strict=True):
            written[row].append(token)
        unfinished = [row for row in unfinished if written[row][-1] not in ends]
        if not unfinished:
            break
    return written


def next_logits(model: PreTrainedModel, prompts: Sequence[Prompt], written: Sequence[Sequence[int]]) -> Tensor:
    """Logits [b, v] of the token after each prompt and what is written after it. The model attends as it was trained.

    The canvas after the prompt is as long as in training; what is written takes its place.
    """
    denoising = prompts[0].denoising
    assert denoising is not None
    counts = [max(1, denoising.canvas - len(new)) for new in written]
    rows = [[*new, *[denoising.placeholder] * count] for new, count in zip(written, counts, strict=True)]
    hidden = [0] * len(counts) if denoising.placeholder_visible else counts
    logits = read_rows(model, prompts, rows, hidden, max(counts) + 1)
    before = 1 if denoising.target == "next" else 0
    return logits[range(len(counts)), [-count - before for count in counts]]


def read_rows(
    model: PreTrainedModel, prompts: Sequence[Prompt], rows: Sequence[Sequence[int]], hidden: Sequence[int], kept: int
) -> Tensor:
    """Logits [b, kept, v] of the last tokens of each prompt with its row after it. Every token sees every token.

    hidden: how many tokens at the end of a row no token sees. Padding is on the left, so that the ends stand below each
    other.
    """
    device = next(model.parameters()).device
    texts = [[*prompt.input_ids, *row] for prompt, row in zip(prompts, rows, strict=True)]
    seen = [[1] * (len(text) - count) + [0] * count for text, count in zip(texts, hidden, strict=True)]
    keys = left_pad(seen, 0).bool()  # [b, s]
    output = model(
        input_ids=left_pad(texts, 0).to(device),
        attention_mask=keys[:, None, None].expand(-1, 1, keys.shape[1], -1).to(device),
        position_ids=rows_as_expected(_positions(prompts, [len(text) for text in texts])).to(device),
        use_cache=False,
        logits_to_keep=kept,
    )
    return output.logits


def _positions(prompts: Sequence[Prompt], lengths: Sequence[int]) -> Tensor:
    """int64 [b, rows, s]: those of the prompts, which go on for as long as their rows are."""
    rows = range(len(prompts[0].step))
    padded = [
        left_pad([_go_on(prompt, row, length) for prompt, length in zip(prompts, lengths, strict=True)], 0)
        for row in rows
    ]
    return torch.stack(padded, dim=1)


def _go_on(prompt: Prompt, row: int, length: int) -> list[int]:
    given, step = prompt.positions[row], prompt.step[row]
    return [*given, *(given[-1] + step * count for count in range(1, length - len(given) + 1))]
