"""Mirrored attention over long rows, without a tensor of every query against every key.

A query's keys lie on two sides. Those behind it, and its own, make ordinary causal attention. Those ahead of it make
causal attention too, once the row is read backwards. One of PyTorch's kernels computes each side, and returns the
logarithm of the sum of its exponentiated scores, by which the two outputs are weighted. On a CPU that is the flash
kernel, in float32; on an NVIDIA GPU the memory-efficient one, which takes a bias as the flash kernel there does not, in
the precision of the operands.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

MIN_LENGTH = 512
"""Tokens from which it pays. Measured on one core: from 256 in float32, from 512 under bfloat16 autocast."""
DTYPES = {
    "cpu": frozenset({torch.float32, torch.bfloat16}),
    "cuda": frozenset({torch.float32, torch.bfloat16, torch.float16}),
}
"""Device -> precisions of values whose long rows are attended so."""
GPU_HEAD = 8
"""The GPU's kernel wants heads whose size is a multiple of it."""
GPU_ALIGNMENT = 32
"""The GPU's kernel wants rows of a bias, and of the logarithms, that begin at multiples of so many numbers."""

_cpu_attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_cpu_differentiate = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
_gpu_attend = torch.ops.aten._scaled_dot_product_efficient_attention
_gpu_differentiate = torch.ops.aten._scaled_dot_product_efficient_attention_backward


class Side(NamedTuple):
    """Operands of causal attention, all in one precision."""

    query: Tensor
    """[b, h, s, d]"""
    key: Tensor
    """[b, h, s, d]"""
    value: Tensor
    """[b, h, s, d]"""
    bias: Tensor
    """[b, 1, 1, s], as `hide` makes it."""


def is_supported(query: Tensor, value: Tensor) -> bool:
    """Whether these operands [b, h, s, d] make a long row that may be attended so."""
    in_reach = value.dtype in DTYPES.get(query.device.type, ())
    head_fits = query.device.type == "cpu" or query.shape[3] % GPU_HEAD == 0
    return in_reach and head_fits and query.shape[2] >= MIN_LENGTH and query.shape == value.shape


def kernel_dtype(value: Tensor) -> torch.dtype:
    """The precision in which the operands are to be handed over: float32 on a CPU, on a GPU that of the values."""
    return torch.float32 if value.device.type == "cpu" else value.dtype


def hide(keys: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to the scores, [b, 1, 1, s]: 0 for a visible key of keys bool [b, 1, 1, s]; for a hidden one so
    little that its weight is exactly 0.

    Infinity would be 0 too, but the CPU's kernel answers 0 for the logarithm of a side without a visible key, as if a
    key of score 0 lay there.
    """
    length = keys.shape[-1]
    bias = torch.zeros(*keys.shape[:3], -(-length // GPU_ALIGNMENT) * GPU_ALIGNMENT, dtype=dtype, device=keys.device)
    return bias[..., :length].masked_fill_(~keys, torch.finfo(dtype).min / 2)


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
    """[b, h, s, d]: one softmax over the visible keys of both sides of each query.

    behind, ahead: query and key [b, h, s, d], as they meet for keys j <= i and for keys j > i.
    value: [b, h, s, d]. keys: bool [b, 1, 1, s], True = visible, at least one per row.
    All in the precision of `kernel_dtype`.
    """
    query, key = ahead
    # Without the last query, which has no key ahead, and the first key, which is ahead of no query: read backwards,
    # query i stands at s - 2 - i and key j at s - 1 - j, so that j > i is what causal attention lets it see.
    reading_back = [tensor.flip(2) for tensor in (query[:, :, :-1], key[:, :, 1:], value[:, :, 1:])]
    biases = [hide(visible, value.dtype) for visible in (keys, keys[..., 1:].flip(3))]
    return _TwoSides.apply(scale, *behind, value, biases[0], *reading_back, biases[1])


class _TwoSides(torch.autograd.Function):
    """Attention over the keys behind, and over those ahead in a row of s - 1 read backwards: [b, h, s, d].

    With p_ij = exp(s_ij - LSE_i), where LSE_i is of both sides, the gradient of a score is p_ij (dP_ij - dO_i . O_i).
    Every pair's term needs of the other pairs only LSE_i and O_i. So the kernel's backward gives each side's exact
    share if it is handed those of both sides for those of its own (Dao et al. 2205.14135, appendix B.2).
    """

    @staticmethod
    def forward(ctx: Any, scale: float, *operands: Tensor) -> Tensor:
        output, lse = _attend(Side(*operands[:4]), scale)
        output_ahead, lse_ahead = _attend(Side(*operands[4:]), scale)
        lse_ahead = lse_ahead.flip(2)  # [b, h, s - 1]
        total = lse.clone()  # [b, h, s]
        total[..., :-1] = torch.logaddexp(lse[..., :-1], lse_ahead)
        merged = output * (lse - total).exp()[..., None]  # float32, as the logarithms are
        merged[:, :, :-1] += output_ahead.flip(2) * (lse_ahead - total[..., :-1]).exp()[..., None]
        output = merged.to(output.dtype)
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


def _attend(side: Side, scale: float) -> tuple[Tensor, Tensor]:
    """The output [b, h, s, d], and the logarithm of the sum of each query's exponentiated scores, float32 [b, h, s]."""
    query, key, value, bias = side
    if query.device.type == "cpu":
        return _cpu_attend(query, key, value, 0.0, True, attn_mask=bias, scale=scale)
    bias = _for_every_query(bias, query)
    output, lse, *_ = _gpu_attend(query, key, value, bias, True, is_causal=True, scale=scale)
    return output, lse[..., : query.shape[2]]


def _gradients(side: Side, scale: float, *results: Tensor) -> tuple[Tensor, ...]:
    """Of query, key and value [b, h, s, d]. results: the output's gradient, the output, and LSE [b, h, s]."""
    gradient, output, lse = results
    query, key, value, bias = side
    if query.device.type == "cpu":
        return _cpu_differentiate(gradient, query, key, value, output, lse, 0.0, True, attn_mask=bias, scale=scale)
    bias = _for_every_query(bias, query)
    lse = nn.functional.pad(lse, (0, -lse.shape[2] % GPU_ALIGNMENT), value=float("inf"))  # of no query: weight 0
    no_dropout = torch.zeros((), dtype=torch.int64, device=query.device)  # the state of a generator that is not asked
    saved = (query, key, value, bias, output, lse, no_dropout, no_dropout)
    wanted = [True, True, True, False]
    return _gpu_differentiate(gradient, *saved, 0.0, wanted, is_causal=True, scale=scale)[:3]


def _for_every_query(bias: Tensor, query: Tensor) -> Tensor:
    """bias [b, 1, 1, s] seen as [b, h, s, s]; nothing is copied."""
    return bias.expand(*query.shape[:3], -1)
