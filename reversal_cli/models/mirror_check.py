"""Whether a layer's attention is rotated, and whether it is mirrored: found out on the layer itself, in float32.

Mirrored attention depends on how far two tokens are apart and not on which comes first. So where every token may attend
every other, a text read backwards must give the same outputs backwards. A layer that rotates another part of its heads
than was turned back, or never calls the attention function, does not.
"""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from reversal_cli.models.probing import LENGTH, probe_inputs

TOLERANCE = {torch.float64: 1e-3, torch.float32: 1e-3, torch.bfloat16: 2e-2, torch.float16: 1e-2}
"""Of the largest output, by the precision of the rotary angles. Measured: 5e-7 in float32 and up to 5e-3 in bfloat16
where it is right, from 7e-2 where nothing is mirrored."""
SPREAD = 3.0
"""Of the hidden states: attention must be far from uniform for positions to show."""


class Inputs(NamedTuple):
    """What reached an attention layer in a forward pass, without the hidden states."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def attention_inputs(model: PreTrainedModel, attentions: Sequence[nn.Module]) -> list[Inputs]:
    """What each layer gets in a pass of six tokens, with a mask under which each may attend all."""
    seen: dict[nn.Module, Inputs] = {}

    def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen[module] = Inputs(args[1:], kwargs) if args else Inputs((), kwargs)

    hooks = [attention.register_forward_pre_hook(keep, with_kwargs=True) for attention in attentions]
    mask = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool)
    with torch.no_grad():
        model(**probe_inputs(model, mask), use_cache=False)
    for hook in hooks:
        hook.remove()
    return [seen[attention] for attention in attentions]


def is_rotated(attention: nn.Module, inputs: Inputs) -> bool:
    """Whether the layer reads the rotary angles it is given."""
    layer, inputs = _in_float32(attention, inputs)
    cos, sin = inputs.kwargs["position_embeddings"]
    still = {**inputs.kwargs, "position_embeddings": (torch.ones_like(cos), torch.zeros_like(sin))}
    hidden = _hidden_states(layer)
    return not torch.equal(_output(layer, inputs, hidden), _output(layer, Inputs(inputs.args, still), hidden))


def is_mirrored(attention: nn.Module, inputs: Inputs) -> bool:
    """Whether the layer, every token attending every other, gives backwards for a text backwards what it gives for it
    forwards."""
    tolerance = TOLERANCE[inputs.kwargs["position_embeddings"][0].dtype]
    layer, inputs = _in_float32(attention, inputs)
    hidden = _hidden_states(layer)
    forwards, backwards = _output(layer, inputs, hidden), _output(layer, inputs, hidden.flip(1)).flip(1)
    return bool((forwards - backwards).abs().max() < tolerance * forwards.abs().max())


def _in_float32(attention: nn.Module, inputs: Inputs) -> tuple[nn.Module, Inputs]:
    """The layer, or a copy of it where it rounds to half precision, and what reaches it."""
    single = all(weight.dtype == torch.float32 for weight in attention.parameters())
    layer = attention if single else copy.deepcopy(attention).float()
    return layer, Inputs(tuple(map(_as_float32, inputs.args)), {k: _as_float32(v) for k, v in inputs.kwargs.items()})


def _hidden_states(layer: nn.Module) -> Tensor:
    """float32 [1, s, hidden], always alike."""
    generator = torch.Generator().manual_seed(0)
    hidden = SPREAD * torch.randn(1, LENGTH, layer.config.hidden_size, generator=generator)
    return hidden.to(next(layer.parameters()).device)


@torch.no_grad()
def _output(layer: nn.Module, inputs: Inputs, hidden: Tensor) -> Tensor:
    """float32 [1, s, hidden]"""
    if "hidden_states" in inputs.kwargs:
        return layer(*inputs.args, **{**inputs.kwargs, "hidden_states": hidden})[0]
    return layer(hidden, *inputs.args, **inputs.kwargs)[0]


def _as_float32(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.float()
    return tuple(map(_as_float32, value)) if isinstance(value, tuple) else value
