"""What a training cost: rows, tokens, labels and arithmetic, counted on the batches that were trained."""

from dataclasses import dataclass

from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from reversal_cli.objectives.base import IGNORE, Batch

FORWARD_AND_BACKWARD = 3
"""Arithmetic of a training step over that of its forward pass: the backward pass computes as much for the weights'
gradients and again for the activations'."""
OF_PEFT = ("lora_", "trainable_tokens")
"""Parts of the names of weights that an adapter adds."""
FROZEN_BACKWARD = 2
"""The same where the weights are frozen and a small adapter is trained."""


@dataclass(frozen=True, slots=True)
class StepCost:
    """Counts of one step, taken from its arrays before they go to a device."""

    rows: int
    tokens: int
    """Without padding; with masks, copies and blanks."""
    pairs: int
    """Sum over the rows of their squared lengths."""
    labels: int

    @classmethod
    def of(cls, batch: Batch) -> "StepCost":
        lengths = batch.lengths
        labels = int((batch.labels != IGNORE).sum())
        return cls(len(lengths), int(lengths.sum()), int((lengths * lengths).sum()), labels)


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """What the arithmetic of a step depends on."""

    body: int
    """Weights without the embeddings and the output layer."""
    layers: int
    width: int
    vocabulary: int
    mirrored: bool
    """Attention computes every score twice."""
    frozen: bool
    """An adapter is trained."""

    def flops(self, step: StepCost) -> float:
        """Additions and multiplications of one training step; padding is not counted."""
        attention = (6 if self.mirrored else 4) * self.layers * self.width * step.pairs
        output = 2 * self.vocabulary * self.width * step.labels
        factor = FROZEN_BACKWARD if self.frozen else FORWARD_AND_BACKWARD
        return float(factor * (2 * self.body * step.tokens + attention + output))


def measure_network(model: PreTrainedModel | PeftModel, mirrored: bool) -> NetworkSize:
    """The size of a language model of transformers, with or without an adapter of peft."""
    output: Tensor = model.get_output_embeddings().weight
    embeddings = [module.weight for module in model.modules() if isinstance(module, nn.Embedding)]  # also of positions
    tables = {id(table): table.numel() for table in embeddings}
    if not model.config.get_text_config().tie_word_embeddings:
        tables[id(output)] = output.numel()
    weights = {name: weight for name, weight in model.named_parameters() if not any(part in name for part in OF_PEFT)}
    return NetworkSize(
        body=sum(weight.numel() for weight in weights.values()) - sum(tables.values()),
        layers=model.config.get_text_config().num_hidden_layers,
        width=output.shape[1],
        vocabulary=output.shape[0],
        mirrored=mirrored,
        frozen=not all(weight.requires_grad for weight in weights.values()),
    )


class Costs:
    """Sums over the steps of a training."""

    def __init__(self, network: NetworkSize):
        self.network = network
        self.rows = self.tokens = self.labels = 0
        self.flops = 0.0

    def add(self, step: StepCost) -> None:
        self.rows += step.rows
        self.tokens += step.tokens
        self.labels += step.labels
        self.flops += self.network.flops(step)
