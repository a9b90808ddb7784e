"""Tests of an attention layer, in float32: whether it uses rotary positions, and whether mirroring works on it.

Mirrored attention depends on how far two tokens are apart and not on which comes first. So where every token may attend
every other, a text read backwards must give the same outputs backwards. A layer that rotates another part of its heads
than was turned back, or never calls the attention function, does not.
"""

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from reversal_cli.errors import ReversalError
from reversal_cli.models.probing import LENGTH, UNRUNNABLE, probe_inputs

TOLERANCE = {torch.float64: 1e-3, torch.float32: 1e-3, torch.bfloat16: 2e-2, torch.float16: 1e-2}
"""Of the largest output, by the precision of the rotary angles. Measured: 5e-7 in float32 and up to 5e-3 in bfloat16
where it is right (4e-2 in a trained model, whose attention is sharper), from 7e-2 where nothing is mirrored."""
SPREAD = 3.0
"""Of the hidden states: attention must be far from uniform for positions to show."""


Angles = tuple[Tensor, Tensor]
"""cos and sin [b, s, rotary_dim]."""


class Inputs(NamedTuple):
    """What reached an attention layer in a forward pass, without the hidden states."""

    hidden_size: int
    """Of the hidden states."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def attention_inputs(model: PreTrainedModel, attentions: Sequence[nn.Module]) -> list[Inputs]:
    """What each layer gets in a pass of six tokens, with a mask under which each may attend all. Its rotary angles are
    in float32 where they can be computed so, whatever the precision of the model.

    Raises ReversalError if the pass fails, or where a layer is not reached by it or gets no rotary angles.
    """
    seen: dict[nn.Module, Inputs] = {}

    def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hidden = args[0] if args else kwargs["hidden_states"]
        seen[module] = Inputs(hidden.shape[-1], args[1:], kwargs)

    hooks = [attention.register_forward_pre_hook(keep, with_kwargs=True) for attention in attentions]
    mask = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool)
    try:
        with torch.no_grad(), _angles_in_float32(model) as exact:
            model(**probe_inputs(model, mask), use_cache=False)
    except UNRUNNABLE as error:
        raise _cannot_run(model, error) from None
    finally:
        for hook in hooks:
            hook.remove()
    if not all(attention in seen and "position_embeddings" in seen[attention].kwargs for attention in attentions):
        raise unsupported(model)
    for inputs in seen.values():
        angles = inputs.kwargs["position_embeddings"]
        inputs.kwargs["position_embeddings"] = next((pair for given, pair in exact if given[0] is angles[0]), angles)
    return [seen[attention] for attention in attentions]


@contextlib.contextmanager
def _angles_in_float32(model: PreTrainedModel) -> Iterator[list[tuple[Angles, Angles]]]:
    """Inside, the rotary angles that a forward pass computes, each with the same ones in float32.

    Half precision rounds them so far that the attention of a trained model is not the same read backwards.
    """
    found: list[tuple[Angles, Angles]] = []

    def compute_again(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], angles: Angles) -> None:
        kwargs = {name: _as_float32(value) for name, value in kwargs.items()}
        found.append((angles, module.forward(*map(_as_float32, args), **kwargs)))

    rotary = [module for module in model.modules() if type(module).__name__.endswith("RotaryEmbedding")]
    hooks = [module.register_forward_hook(compute_again, with_kwargs=True) for module in rotary]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def is_rotated(attention: nn.Module, inputs: Inputs) -> bool:
    """Whether the layer reads the rotary angles it is given."""
    layer, inputs = _in_float32(attention, inputs)
    cos, sin = inputs.kwargs["position_embeddings"]
    still = {**inputs.kwargs, "position_embeddings": (torch.ones_like(cos), torch.zeros_like(sin))}
    hidden = _hidden_states(layer, inputs.hidden_size)
    return not torch.equal(_output(layer, inputs, hidden), _output(layer, inputs._replace(kwargs=still), hidden))


def is_mirrored(attention: nn.Module, inputs: Inputs) -> bool:
    """Whether the layer, every token attending every other, gives backwards for a text backwards what it gives for it
    forwards."""
    tolerance = TOLERANCE[inputs.kwargs["position_embeddings"][0].dtype]
    layer, inputs = _in_float32(attention, inputs)
    hidden = _hidden_states(layer, inputs.hidden_size)
    forwards, backwards = _output(layer, inputs, hidden), _output(layer, inputs, hidden.flip(1)).flip(1)
    return bool((forwards - backwards).abs().max() < tolerance * forwards.abs().max())


def _in_float32(attention: nn.Module, inputs: Inputs) -> tuple[nn.Module, Inputs]:
    """The layer, or a float32 copy of one in half precision, and its inputs."""
    single = all(weight.dtype == torch.float32 for weight in attention.parameters())
    layer = attention if single else copy.deepcopy(attention).float()
    kwargs = {key: _as_float32(value) for key, value in inputs.kwargs.items()}
    return layer, inputs._replace(args=tuple(map(_as_float32, inputs.args)), kwargs=kwargs)


def _hidden_states(layer: nn.Module, size: int) -> Tensor:
    """float32 [1, s, size], always alike."""
    generator = torch.Generator().manual_seed(0)
    hidden = SPREAD * torch.randn(1, LENGTH, size, generator=generator)
    return hidden.to(next(layer.parameters()).device)


@torch.no_grad()
def _output(layer: nn.Module, inputs: Inputs, hidden: Tensor) -> Tensor:
    """float32 [1, s, hidden]. Raises ReversalError if the layer cannot be run alone."""
    try:
        if "hidden_states" in inputs.kwargs:
            return layer(*inputs.args, **{**inputs.kwargs, "hidden_states": hidden})[0]
        return layer(hidden, *inputs.args, **inputs.kwargs)[0]
    except UNRUNNABLE as error:
        raise _cannot_run(layer, error) from None


def unsupported(model: PreTrainedModel) -> ReversalError:
    return ReversalError(
        f"{type(model).__name__}: no plain rotary attention found; BICO mirrors rotary positions "
        "(Llama, Mistral, Qwen, GLM-4 ...); choose such a model or another objective"
    )


def _cannot_run(module: nn.Module, error: Exception) -> ReversalError:
    reason = " ".join(str(error).split())[:160]
    return ReversalError(
        f"{type(module).__name__}: cannot be run with a mask [b, 1, s, s] ({reason}); BICO needs a model that takes "
        "one (Llama, Mistral, Qwen, GLM-4 ...); choose such a model or another objective"
    )


def _as_float32(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.float()
    return tuple(map(_as_float32, value)) if isinstance(value, tuple) else value
