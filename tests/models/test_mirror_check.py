"""Models whose attention cannot be tried before it is mirrored: one line, and the model as it was."""

import copy

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from reversal_cli.errors import ReversalError
from reversal_cli.models.attention import install_mirrored_attention


@pytest.fixture
def model() -> LlamaForCausalLM:
    sizes = {"vocab_size": 11, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2, pad_token_id=0)).eval()


def refuse(*_) -> None:
    raise RuntimeError("of one\n shape only")


def test_a_pass_that_fails_is_one_line_and_leaves_no_hook(model):
    model.model.layers[1].mlp.forward = refuse
    with pytest.raises(ReversalError, match=r"LlamaForCausalLM: cannot be run with a mask .*\(of one shape only\)"):
        install_mirrored_attention(model)
    assert model.config._attn_implementation == "sdpa"
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_layer_that_cannot_be_run_alone_is_one_line(model):
    passes = []

    def only_once(*_) -> None:
        passes.append(1)
        if len(passes) > 1:
            refuse()

    model.model.layers[1].self_attn.o_proj.register_forward_pre_hook(only_once)
    with pytest.raises(ReversalError, match=r"LlamaAttention: cannot be run with a mask .*\(of one shape only\)"):
        install_mirrored_attention(model)
    assert model.config._attn_implementation == "sdpa"


def test_a_layer_that_no_pass_reaches_is_refused(model):
    model.spare = copy.deepcopy(model.model.layers[0].self_attn)
    with pytest.raises(ReversalError, match="no plain rotary attention"):
        install_mirrored_attention(model)


def test_a_layer_without_rotary_angles_is_refused(model):
    layer = model.model.layers[0].self_attn
    forward = layer.forward
    angles = {}

    def without(module, args, kwargs):
        angles.update(position_embeddings=kwargs.pop("position_embeddings"))
        return args, kwargs

    layer.register_forward_pre_hook(without, with_kwargs=True)
    layer.forward = lambda *args, **kwargs: forward(*args, **{**kwargs, **angles})
    with pytest.raises(ReversalError, match="no plain rotary attention"):
        install_mirrored_attention(model)


def test_sizes_come_from_the_pass_and_not_from_the_config(model):
    del model.config.hidden_size
    install_mirrored_attention(model)
    assert torch.isfinite(model(torch.tensor([[1, 2, 3]]), use_cache=False).logits).all()
