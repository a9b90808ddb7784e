"""Attention on a CPU in bfloat16: computed in float32, since the backward of PyTorch's kernel is eight times slower."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

SDPA_FLOAT32 = "sdpa_float32"
"""The name under which transformers knows the attention function."""


def attend(query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
    """PyTorch's scaled dot-product attention of query, key and value [b, h, s, d], with its options."""
    if not (query.device.type == "cpu" and value.dtype == torch.bfloat16):
        return nn.functional.scaled_dot_product_attention(query, key, value, **options)
    with torch.autocast("cpu", enabled=False):  # it would take the operands back to bfloat16
        output = nn.functional.scaled_dot_product_attention(query.float(), key.float(), value.float(), **options)
    return output.to(value.dtype)


def install_float32_attention(model: PreTrainedModel) -> None:
    """Makes a model of transformers that attends by PyTorch's function do so in float32."""
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(SDPA_FLOAT32, _sdpa_float32)
        AttentionMaskInterface.register(SDPA_FLOAT32, sdpa_mask)
        model.set_attn_implementation(SDPA_FLOAT32)


def _sdpa_float32(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    with torch.autocast("cpu", enabled=False):
        output, _ = sdpa_attention_forward(module, query.float(), key.float(), value.float(), attention_mask, **options)
    return output.to(value.dtype), None
