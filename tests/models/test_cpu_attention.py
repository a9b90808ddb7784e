"""Attention on a CPU in bfloat16."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from reversal_cli.models.cpu_attention import SDPA_FLOAT32, attend, install_float32_attention


@pytest.fixture
def operand_types(monkeypatch):
    """The dtypes that PyTorch's attention gets."""
    seen = set()
    original = torch.nn.functional.scaled_dot_product_attention

    def spy(query, key, value, *args, **options):
        seen.update({query.dtype, key.dtype, value.dtype})
        return original(query, key, value, *args, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    return seen


def test_bfloat16_operands_are_attended_in_float32(operand_types):
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 8).to(torch.bfloat16) for _ in range(3))
    with torch.autocast("cpu", torch.bfloat16):
        output = attend(query, key, value, is_causal=True)
    assert (operand_types, output.dtype) == ({torch.float32}, torch.bfloat16)
    scores = (query.float() @ key.float().mT) / 8**0.5
    scores = scores.masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), -torch.inf)
    torch.testing.assert_close(output, (scores.softmax(-1) @ value.float()).to(torch.bfloat16))


def test_float32_operands_are_attended_as_they_are(operand_types):
    query, key, value = (torch.randn(1, 1, 3, 4) for _ in range(3))
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.equal(attend(query, key, value), expected)


@pytest.mark.parametrize("padding", [0, 3])
def test_a_model_with_it_learns_as_in_float32(llama_checkpoint, operand_types, padding):
    ids = torch.randint(3, 99, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, :padding] = 0
    gradients = []
    for installed in (False, True):
        model = AutoModelForCausalLM.from_pretrained(llama_checkpoint, dtype=torch.float32)
        if installed:
            install_float32_attention(model)
            assert model.config._attn_implementation == SDPA_FLOAT32
        with torch.autocast("cpu", torch.bfloat16, enabled=installed):
            operand_types.clear()
            model(ids, attention_mask=mask, labels=ids, use_cache=False).loss.backward()
        assert operand_types == {torch.float32}
        gradients.append(model.model.layers[0].self_attn.q_proj.weight.grad)
    difference = (gradients[0] - gradients[1]).norm() / gradients[0].norm()
    assert 0 < difference < 0.03
