"""Which examples go into which step: a pure function of (seed, epoch, example index).

Rows of similar length share a batch, so that little of the arithmetic is spent on padding.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

GROUPING = 8
"""Batches whose rows are sorted by length together. Larger pads less, smaller shuffles better."""


class Key(NamedTuple):
    """One drawing of one example."""

    epoch: int
    index: int  # type: ignore[assignment]  # a tuple's own index is not needed


class BatchPlan:
    """Every batch of a training, all epochs in one sequence: iterating gives lists of `Key`.

    It is the batch sampler of a DataLoader. All epochs have the same number of batches, but the last of a plan that
    ends within it; the last batch of an epoch may be smaller.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, epochs: int, seed: int, steps: int | None = None):
        """steps: where the plan ends, within its epochs; None: with the last of them."""
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.epochs = epochs
        self.seed = seed
        self.steps = self.batches_per_epoch * epochs if steps is None else steps

    @property
    def batches_per_epoch(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[Key]]:
        batches = ((epoch, indices) for epoch in range(self.epochs) for indices in self.epoch_batches(epoch))
        for epoch, indices in itertools.islice(batches, self.steps):
            yield [Key(epoch, int(index)) for index in indices]

    def epoch_batches(self, epoch: int) -> list[np.ndarray]:
        """Index arrays of one epoch: shuffle, sort each stretch of GROUPING batches by length, cut, shuffle again."""
        generator = np.random.default_rng((self.seed, epoch, 2))
        order = generator.permutation(len(self.lengths))
        stretch = self.batch_size * GROUPING
        batches: list[np.ndarray] = []
        for start in range(0, len(order), stretch):
            members = order[start : start + stretch]
            members = members[np.argsort(self.lengths[members], kind="stable")]
            batches += [members[i : i + self.batch_size] for i in range(0, len(members), self.batch_size)]
        return [batches[i] for i in generator.permutation(len(batches))]
