"""Cross-entropy of tokens without a float32 copy of all logits: some rows at a time, which stay in a CPU's cache.

PyTorch makes four tensors of 64 MB for 500 labels and a vocabulary of 32,000, and on a CPU most of their time is that
of getting and returning the memory.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from reversal_cli.objectives.base import IGNORE

ELEMENTS = {"cpu": 2**20}
"""Device -> logits at a time. On an AMD EPYC half and double are no faster, with vocabularies of 8,000 to 49,152."""
ELEMENTS_ELSEWHERE = 2**26


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy float32 [n] of each target int64 [n], logits [n, v] in any precision; 0 where it is IGNORE.

    Without gradients: for those there is `mean_loss`.
    """
    parts = [
        nn.functional.cross_entropy(logits[part].float(), targets[part], reduction="none") for part in _parts(logits)
    ]
    return torch.cat(parts)


def mean_loss(logits: Tensor, targets: Tensor, divisor: Tensor | float, weights: Tensor | None = None) -> Tensor:
    """The sum of the losses of the targets int64 [n], each times its weight float32 [n] if there are weights, over the
    divisor. Logits [n, v] and targets as in `token_losses`."""
    real = (targets != IGNORE).float()
    scales = (real if weights is None else real * weights) * (1.0 / divisor)
    if logits.dtype == torch.float16:  # its gradients vanish unless they are scaled first
        losses = nn.functional.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="none")
        return (losses * scales).sum()
    return _ScaledLoss.apply(logits, targets, scales)


class _ScaledLoss(torch.autograd.Function):
    """The sum of losses times scales float32 [n]. Forward computes the gradient too, while a row is at hand."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, scales: Tensor) -> Tensor:
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        total = scales.new_zeros(())
        for part in _parts(logits):
            log_probabilities = logits[part].float().log_softmax(dim=-1)
            chosen, scale = targets[part, None].clamp(min=0), scales[part, None]
            total -= (log_probabilities.gather(1, chosen).masked_fill(scale == 0, 0) * scale).sum()
            if gradient is not None:
                of_part = torch.zeros_like(log_probabilities).scatter_(1, chosen, -scale)
                # PyTorch's own function, so that its last bits are what they are without parts.
                gradient[part] = torch.ops.aten._log_softmax_backward_data(of_part, log_probabilities, 1, torch.float32)
        ctx.gradient = gradient
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        (factor,) = upstream
        gradient, ctx.gradient = ctx.gradient, None
        if factor.device.type != "cpu" or factor != 1:
            gradient = gradient * factor.to(gradient.dtype)
        return gradient, None, None


def _parts(logits: Tensor) -> Iterator[slice]:
    """Rows that are computed together."""
    rows = max(1, ELEMENTS.get(logits.device.type, ELEMENTS_ELSEWHERE) // logits.shape[1])
    return (slice(first, first + rows) for first in range(0, max(1, len(logits)), rows))
