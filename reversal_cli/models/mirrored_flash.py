"""Mirrored attention over long rows on a CPU, without a tensor of every query against every key.

A query's keys lie on two sides. Those behind it, and its own, make ordinary causal attention. Those ahead of it make
causal attention too, once the row is read backwards. PyTorch's flash kernel computes each side, and returns the
logarithm of the sum of its exponentiated scores, by which the two outputs are weighted.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

MIN_LENGTH = 512
"""Tokens from which it pays. Measured on one core: from 256 in float32, from 512 under bfloat16 autocast."""
HIDDEN = torch.finfo(torch.float32).min / 2
"""Added to the score of a hidden key: its weight is exactly 0. Infinity would be 0 too, but the kernel answers 0 for
the logarithm of a side without a visible key, as if a key of score 0 lay there."""

_attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_differentiate = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class Side(NamedTuple):
    """Operands of causal attention, all float32."""

    query: Tensor
    """[b, h, s, d]"""
    key: Tensor
    """[b, h, s, d]"""
    value: Tensor
    """[b, h, s, d]"""
    bias: Tensor
    """[b, 1, 1, s], HIDDEN where a key is hidden, else 0."""


def is_supported(query: Tensor, value: Tensor) -> bool:
    """Whether these operands [b, h, s, d] make a long row on a CPU that may be attended in float32."""
    in_reach = query.device.type == "cpu" and value.dtype in {torch.float32, torch.bfloat16}
    return in_reach and query.shape[2] >= MIN_LENGTH and query.shape == value.shape


def find_key_mask(attention_mask: Tensor) -> Tensor | None:
    """bool [b, 1, 1, s], the keys that every query sees; None if queries differ, or if a row has no visible key.

    attention_mask: bool [b, 1, s, s].
    """
    keys = attention_mask[:, :, :1]
    same_for_all = (attention_mask == keys).all() and keys.any(-1).all()
    return keys if same_for_all else None


def attend_both_sides(
    behind: tuple[Tensor, Tensor], ahead: tuple[Tensor, Tensor], value: Tensor, keys: Tensor, scale: float
) -> Tensor:
    """float32 [b, h, s, d]: one softmax over the visible keys of both sides of each query.

    behind, ahead: query and key, float32 [b, h, s, d], as they meet for keys j <= i and for keys j > i.
    value: float32 [b, h, s, d]. keys: bool [b, 1, 1, s], True = visible, at least one per row.
    """
    bias = torch.zeros(keys.shape).masked_fill(~keys, HIDDEN)
    query, key = ahead
    # Without the last query, which has no key ahead, and the first key, which is ahead of no query: read backwards,
    # query i stands at s - 2 - i and key j at s - 1 - j, so that j > i is what causal attention lets it see.
    backwards = Side(query[:, :, :-1].flip(2), key[:, :, 1:].flip(2), value[:, :, 1:].flip(2), bias[..., 1:].flip(3))
    return _TwoSides.apply(scale, *behind, value, bias, *backwards)


class _TwoSides(torch.autograd.Function):
    """Attention over the keys behind, and over those ahead in a row of s - 1 read backwards: float32 [b, h, s, d].

    With p_ij = exp(s_ij - LSE_i), where LSE_i is of both sides, the gradient of a score is p_ij (dP_ij - dO_i . O_i).
    Every pair's term needs of the other pairs only LSE_i and O_i. So the kernel's backward gives each side's exact
    share if it is handed those of both sides for those of its own (Dao et al. 2205.14135, appendix B.2).
    """

    @staticmethod
    def forward(ctx: Any, scale: float, *operands: Tensor) -> Tensor:
        output, lse = _attend(*operands[:3], 0.0, True, attn_mask=operands[3], scale=scale)
        output_ahead, lse_ahead = _attend(*operands[4:7], 0.0, True, attn_mask=operands[7], scale=scale)
        lse_ahead = lse_ahead.flip(2)  # [b, h, s - 1]
        total = lse.clone()  # [b, h, s]
        total[..., :-1] = torch.logaddexp(lse[..., :-1], lse_ahead)
        output = output * (lse - total).exp()[..., None]
        output[:, :, :-1] += output_ahead.flip(2) * (lse_ahead - total[..., :-1]).exp()[..., None]
        ctx.save_for_backward(*operands, output, total)
        ctx.scale = scale
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *operands, output, lse = ctx.saved_tensors
        behind, ahead = Side(*operands[:4]), Side(*operands[4:])
        shares = _gradients(behind, ctx.scale, gradient, output, lse)
        shares_ahead = _gradients(ahead, ctx.scale, *(t[:, :, :-1].flip(2) for t in (gradient, output, lse)))
        return None, *shares, None, *shares_ahead, None


def _gradients(side: Side, scale: float, *results: Tensor) -> tuple[Tensor, ...]:
    """Of query, key and value, float32 [b, h, s, d]. results: the output's gradient, the output, and LSE [b, h, s]."""
    gradient, output, lse = results
    query, key, value, bias = side
    return _differentiate(gradient, query, key, value, output, lse, 0.0, True, attn_mask=bias, scale=scale)
