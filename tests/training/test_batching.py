"""The order of training is complete, reproducible, and wastes little on padding."""

import numpy as np

from reversal_cli.training.batching import BatchPlan, Key

LENGTHS = [5 + (index * 7) % 20 for index in range(103)]


def test_every_epoch_draws_every_example_once():
    plan = BatchPlan(LENGTHS, batch_size=8, epochs=3, seed=0)
    batches = list(plan)
    assert len(batches) == len(plan) == 3 * 13
    for epoch in range(3):
        drawn = [key for batch in batches[epoch * 13 : epoch * 13 + 13] for key in batch]
        assert sorted(drawn) == [Key(epoch, index) for index in range(103)]


def test_the_order_depends_on_seed_and_epoch_only():
    assert list(BatchPlan(LENGTHS, 8, 3, 0)) == list(BatchPlan(LENGTHS, 8, 3, 0))
    assert list(BatchPlan(LENGTHS, 8, 3, 0)) != list(BatchPlan(LENGTHS, 8, 3, 1))
    first, second = (
        [[int(index) for index in batch] for batch in BatchPlan(LENGTHS, 8, 3, 0).epoch_batches(epoch)]
        for epoch in (0, 1)
    )
    assert first != second


def test_fewer_epochs_are_the_beginning_of_more():
    assert list(BatchPlan(LENGTHS, 8, 2, 0)) == list(BatchPlan(LENGTHS, 8, 5, 0))[:26]


def test_no_batch_is_larger_than_asked():
    assert max(len(batch) for batch in BatchPlan(LENGTHS, 8, 1, 0)) == 8


def test_batches_of_like_length_pad_less_than_a_third_of_what_random_batches_pad():
    lengths = np.random.default_rng(0).integers(10, 40, 2000)
    plan = BatchPlan(lengths, batch_size=32, epochs=1, seed=0)

    def padding(batches) -> int:
        return sum(int(lengths[batch].max() * len(batch) - lengths[batch].sum()) for batch in batches)

    shuffled = np.random.default_rng(1).permutation(2000)
    unsorted = [shuffled[start : start + 32] for start in range(0, 2000, 32)]
    assert padding(plan.epoch_batches(0)) < padding(unsorted) / 3
