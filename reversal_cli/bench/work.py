"""What one training step computes: additions and multiplications, tokens and padding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from reversal_cli.training.trainer import ObjectiveTrainer

Shape = tuple[int, ...]


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, _every_head(key, query), _every_head(value, query))


def _attention_backward(gradient: Shape, query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    return sdpa_backward_flop_count(gradient, query, _every_head(key, query), _every_head(value, query))


def _every_head(shape: Shape, query: Shape) -> Shape:
    """The shape of keys or values [b, kv_heads, s, d] once they are repeated for every head of the query."""
    return (*shape[:1], query[1], *shape[2:])


CPU_ATTENTION: dict[Any, Callable[..., int]] = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    torch.ops.aten._scaled_dot_product_flash_attention: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_backward: _attention_backward,
    torch.ops.aten._scaled_dot_product_efficient_attention: _attention,
    torch.ops.aten._scaled_dot_product_efficient_attention_backward: _attention_backward,
    torch.ops.aten._scaled_dot_product_cudnn_attention: _attention,
    torch.ops.aten._scaled_dot_product_cudnn_attention_backward: _attention_backward,
}
"""Attention of a CPU, which PyTorch's counter does not know. Its backward computes the scores again, which counts."""


@dataclass(frozen=True, slots=True)
class StepWork:
    """The work of one step."""

    rows: int
    tokens: int
    """Without padding; with the mask tokens of blanks."""
    positions: int
    """Tokens and padding: all that the model computes."""
    flops: int
    """Additions and multiplications in the matrix products of forward and backward."""


class CountingTrainer(ObjectiveTrainer):
    """Counts what each step computes. Counting takes time, so its steps are not timed."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.work: list[StepWork] = []

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **options: Any) -> Tensor:
        rows, width = inputs["input_ids"].shape
        tokens = inputs["cost"].tokens
        with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
            loss = super().training_step(model, inputs, *args, **options)
        self.work.append(StepWork(rows, tokens, rows * width, counter.get_total_flops()))
        return loss


def padding_share(work: list[StepWork]) -> float:
    """Share of the positions that are padding, over all steps."""
    return 1 - sum(step.tokens for step in work) / sum(step.positions for step in work)
