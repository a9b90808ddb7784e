"""Mirrored rotary attention (BICO, Lv et al. 2311.07468) as an attention function for any rotary model of transformers.

A causal model never saw a key to the right of its query, so it knows no relative rotation of that sign. Mirrored
attention shows a key d tokens ahead as if it were d tokens behind: scores for keys j <= i are the usual
`(R_i q_i) . (R_j k_j)`, for j > i they are `(R_-i q_i) . (R_-j k_j)`. Under a causal mask it equals stock attention, so
NTP and denoising batches differ in nothing but their mask.

Which of two tokens is ahead is a matter of their positions, not of their places in the row: in some layouts a later
token stands for an earlier one.

The model classes stay stock: the function is registered with transformers, and a hook hands it the rotary angles and
the positions.
"""

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, Cache, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from reversal_cli.errors import ReversalError
from reversal_cli.models.cpu_attention import attend
from reversal_cli.models.mirror_check import Inputs, attention_inputs, is_mirrored, is_rotated, unsupported
from reversal_cli.models.mirrored_flash import attend_both_sides, find_key_mask, is_supported, kernel_dtype

MIRRORED = "mirrored_rotary"
"""The name under which transformers knows the attention function."""


def install_mirrored_attention(model: PreTrainedModel) -> None:
    """Makes `model` attend with mirrored rotary positions. Raises ReversalError for a model that it does not fit."""
    attentions = _rotary_attentions(model)
    stock = model.config._attn_implementation
    AttentionInterface.register(MIRRORED, mirrored_attention)
    # Our mask is boolean with True = may attend, and None for plain causal: the convention of sdpa.
    AttentionMaskInterface.register(MIRRORED, sdpa_mask)
    inputs = attention_inputs(model, attentions)
    model.set_attn_implementation(MIRRORED)
    try:
        _mirror(model, attentions, inputs)
    except ReversalError:
        model.set_attn_implementation(stock)
        raise


@contextlib.contextmanager
def stock_attention(model: PreTrainedModel) -> Iterator[None]:
    """Inside, `model` attends as a freshly loaded one does, mirrored attention installed or not."""
    if model.config._attn_implementation != MIRRORED:
        yield
        return
    model.set_attn_implementation(model.get_correct_attn_implementation(None))
    try:
        yield
    finally:
        model.set_attn_implementation(MIRRORED)


def mirrored_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    rotary_angles: tuple[Tensor, Tensor] | None = None,
    token_positions: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention output [b, s, h, d], as transformers' `AttentionInterface` wants it.

    query [b, h, s, d] and key, value [b, kv_heads, s, d] arrive rotated by their positions; attention_mask is bool
    [b, 1, s, s], True = may attend, or None for plain causal attention; rotary_angles are cos and sin
    [b, s, rotary_dim]; token_positions int64 [b, s], or None for 0 .. s-1. After c cached tokens there are c + s keys,
    and no query may see one ahead. Scores are scaled, masked and put through softmax in float32.
    """
    if kwargs.get("softcap") or kwargs.get("s_aux") is not None:
        raise ReversalError(
            f"{type(module).__name__}: attention with soft-capping or sinks; BICO supports plain rotary attention; "
            "choose another model"
        )
    groups = query.shape[1] // key.shape[1]
    key = key.repeat_interleave(groups, dim=1)  # [b, h, s, d]
    value = value.repeat_interleave(groups, dim=1)  # [b, h, s, d]
    long = dropout == 0 and is_supported(query, value)
    if key.shape[2] > query.shape[2]:
        output = _attend_after_cached(query, key, value, attention_mask, scaling)
    elif attention_mask is None:  # causal: nothing to mirror
        output = attend(query, key, value, dropout_p=dropout, is_causal=True, scale=scaling)
    elif long and not attention_mask.triu(1).any():  # causal, with padding
        output = attend(query, key, value, attn_mask=attention_mask, scale=scaling)
    elif long and _rise(token_positions) and (keys := find_key_mask(attention_mask)) is not None:
        output = _attend_long_row(module, query, key, value, keys, scaling, rotary_angles)
    else:
        turned = _Turned(module, rotary_angles, token_positions)
        output = _attend_every_pair(turned, query, key, value, attention_mask, scaling, dropout)
    return output.transpose(1, 2).contiguous(), None


def _attend_after_cached(
    query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, scaling: float
) -> Tensor:
    """Output [b, h, s, d] of query [b, h, s, d] and key, value [b, h, c + s, d]: the c cached ones lie behind."""
    ahead = 1 + key.shape[2] - query.shape[2]
    if query.shape[2] > 1 and (attention_mask is None or attention_mask.triu(ahead).any()):
        raise ValueError("mirrored attention after cached tokens wants a causal mask: read what sees ahead in one pass")
    return attend(query, key, value, attn_mask=attention_mask, scale=scaling)


class _Turned(NamedTuple):
    """How a layer's heads are rotated."""

    module: nn.Module
    angles: tuple[Tensor, Tensor] | None
    """cos and sin, None where the layer does not rotate."""
    positions: Tensor | None
    """int64 [b, s]; None: 0 .. s-1."""


def _rise(positions: Tensor | None) -> bool:
    """Whether positions int64 [b, s] rise from token to token, so that what is ahead also comes later."""
    return positions is None or bool((positions.diff(dim=1) > 0).all())


def _attend_every_pair(
    turned: _Turned,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float,
    dropout: float,
) -> Tensor:
    """Output [b, h, s, d] of query, key and value [b, h, s, d], from the scores of all pairs, [b, h, s, s]."""
    # Autocast would take the products back to half precision, where float16 overflows.
    with torch.autocast(query.device.type, enabled=False):
        scores = _mirrored_scores(turned, query.float() * scaling, key.float())
        scores = scores.masked_fill(~attention_mask, torch.finfo(torch.float32).min)
        weights = nn.functional.softmax(scores, dim=-1).to(value.dtype)
    weights = nn.functional.dropout(weights, p=dropout, training=turned.module.training)
    return weights @ value


def _attend_long_row(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    keys: Tensor,
    scaling: float,
    rotary_angles: tuple[Tensor, Tensor] | None,
) -> Tensor:
    """The same output without these scores. keys: bool [b, 1, 1, s], what every query sees."""
    with torch.autocast(query.device.type, enabled=False):
        dtype = kernel_dtype(value)
        behind = ahead = (query.float(), key.float())
        if rotary_angles is not None:
            ahead = rotate_backwards(module, *behind, rotary_angles)
        (query, key), (query_ahead, key_ahead) = ([tensor.to(dtype) for tensor in side] for side in (behind, ahead))
        output = attend_both_sides((query, key), (query_ahead, key_ahead), value.to(dtype), keys, scaling)
    return output.to(value.dtype)


def _mirrored_scores(turned: _Turned, query: Tensor, key: Tensor) -> Tensor:
    """float32 [b, h, s, s] of float32 [b, h, s, d]: a key ahead scores as if it were as far behind."""
    if turned.angles is None:
        return query @ key.mT
    length = query.shape[2]
    if turned.positions is None:
        ahead = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
    else:
        ahead = (turned.positions[:, None, :] > turned.positions[:, :, None])[:, None]  # [b, 1, s, s]
    mirrored_query, mirrored_key = rotate_backwards(turned.module, query, key, turned.angles)
    return torch.where(ahead, mirrored_query @ mirrored_key.mT, query @ key.mT)


def rotate_backwards(
    module: nn.Module, query: Tensor, key: Tensor, rotary_angles: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Turns `R_i q` into `R_-i q`, and the key likewise, whatever the model's rotary layout.

    The model's own rotation is applied once more by the angle -2 theta: cos 2t = cos^2 - sin^2, sin 2t = 2 sin cos.
    Some variants (yarn) scale cos and sin by an attention factor m, which query and key already carry once; dividing
    the doubled angle by m^2 = cos^2 + sin^2 keeps it from being applied again.
    """
    cos, sin = (angle.float() for angle in rotary_angles)
    squared_norm = cos * cos + sin * sin
    double_cos = (cos * cos - sin * sin) / squared_norm
    double_sin = 2 * sin * cos / squared_norm
    rotate, size = _rotary_function(module), cos.shape[-1]
    if size == query.shape[-1]:
        return rotate(query, key, double_cos, -double_sin)
    # What lies behind the first rotary_dim dimensions of each head is not rotated.
    turned = rotate(query[..., :size], key[..., :size], double_cos, -double_sin)
    query, key = (
        torch.cat([part, given[..., size:]], dim=-1) for part, given in zip(turned, (query, key), strict=True)
    )
    return query, key


def _mirror(model: PreTrainedModel, attentions: list[nn.Module], inputs: list[Inputs]) -> None:
    """Hands each rotated layer its angles. Raises ReversalError if a layer is not mirrored by that."""
    for attention, seen in zip(attentions, inputs, strict=True):
        # Some models have layers without positions among the others: there a key ahead looks like one behind anyway.
        if is_rotated(attention, seen):
            attention.register_forward_pre_hook(_pass_rotary_angles, with_kwargs=True)
    if not all(is_mirrored(attention, seen) for attention, seen in zip(attentions, inputs, strict=True)):
        raise unsupported(model)


def _pass_rotary_angles(module: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """Forward pre-hook of an attention layer: adds its angles and positions to what reaches the mirrored attention."""
    if module.config._attn_implementation != MIRRORED:
        return args, kwargs
    # The argument's name differs between versions of transformers.
    if any(isinstance(value, Cache) and value.is_compileable for value in kwargs.values()):
        raise ValueError("mirrored attention cannot use a key-value cache of a fixed size: pass a DynamicCache")
    positions = kwargs.get("position_ids")
    if positions is not None and positions.ndim != 2:  # models of images have one axis more; text rises along it
        positions = None
    return args, {**kwargs, "rotary_angles": kwargs["position_embeddings"], "token_positions": positions}


def _rotary_function(module: nn.Module) -> Callable[..., tuple[Tensor, Tensor]]:
    """The `apply_rotary_pos_emb` of the file that defines the attention layer."""
    return vars(sys.modules[type(module).__module__])["apply_rotary_pos_emb"]


def _rotary_attentions(model: PreTrainedModel) -> list[nn.Module]:
    """The attention layers of a model that may be mirrored. Raises ReversalError if there are none."""
    attentions = []
    for module in model.modules():
        source = vars(sys.modules[type(module).__module__])
        if type(module).__name__.endswith("Attention") and "apply_rotary_pos_emb" in source:
            parameters = list(inspect.signature(source["apply_rotary_pos_emb"]).parameters)
            forward = inspect.signature(type(module).forward).parameters
            if parameters[:4] == ["q", "k", "cos", "sin"] and "position_embeddings" in forward:
                attentions.append(module)
    # Latent attention (DeepSeek) rotates only a slice at the end of each head, which the model's function does not say.
    if not attentions or "kv_lora_rank" in model.config.to_dict():
        raise unsupported(model)
    return attentions
