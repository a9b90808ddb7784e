"""Shares of a batch: together they are the batch, and their losses its loss."""

import numpy as np
import pytest
import torch

from reversal_cli.models.token_losses import mean_loss
from reversal_cli.objectives.base import IGNORE, Batch
from reversal_cli.processes.place import Place
from reversal_cli.training.sharing import loss_divisor, share_of

RANKS = 3


def batch_of(rows: int, weights: bool, normalizer: float | None) -> Batch:
    draw = np.random.default_rng(rows)
    labels = draw.integers(0, 9, (rows, 6))
    labels[draw.random(labels.shape) < 0.4] = IGNORE
    labels[0, 0] = 3
    return Batch(
        input_ids=draw.integers(0, 9, (rows, 6)),
        attention_mask=draw.random((rows, 1, 6, 6)) < 0.5,
        position_ids=draw.integers(0, 6, (rows, 2, 6)),
        labels=labels,
        lengths=draw.integers(1, 7, rows),
        weights=draw.random((rows, 6), dtype=np.float32) if weights else None,
        normalizer=normalizer,
    )


def loss_of(batch: Batch, divisor: torch.Tensor | float) -> torch.Tensor:
    """Each position's logits follow from its input alone."""
    logits = torch.nn.functional.one_hot(torch.from_numpy(batch.input_ids), 9).double().flatten(0, 1)
    weights = None if batch.weights is None else torch.from_numpy(batch.weights).flatten()
    return mean_loss(logits, torch.from_numpy(batch.labels).flatten(), divisor, weights)


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
@pytest.mark.parametrize(("weights", "normalizer"), [(False, None), (True, None), (True, 5.5)])
def test_the_mean_of_the_processes_losses_is_the_loss_of_the_batch(rows, weights, normalizer):
    batch = batch_of(rows, weights, normalizer)
    places = [Place(rank, RANKS) for rank in range(RANKS)]
    losses = [loss_of(share_of(batch, here), loss_divisor(batch, here)) for here in places]
    torch.testing.assert_close(sum(losses) / RANKS, loss_of(batch, loss_divisor(batch, Place())), rtol=1e-6, atol=0)


@pytest.mark.parametrize("rows", [3, 4, 7])
def test_every_row_has_one_process(rows):
    batch = batch_of(rows, weights=True, normalizer=None)
    shares = [share_of(batch, Place(rank, RANKS)) for rank in range(RANKS)]
    for name in ("input_ids", "attention_mask", "position_ids", "labels", "lengths", "weights"):
        rejoined = np.empty_like(getattr(batch, name))
        for rank, share in enumerate(shares):
            rejoined[rank::RANKS] = getattr(share, name)
        np.testing.assert_array_equal(rejoined, getattr(batch, name))


def test_a_process_without_a_row_computes_one_without_labels():
    share = share_of(batch_of(2, weights=False, normalizer=None), Place(2, RANKS))
    assert share.input_ids.shape == (1, 6) and (share.labels == IGNORE).all()


def test_a_single_process_has_the_batch_itself():
    batch = batch_of(2, weights=False, normalizer=None)
    assert share_of(batch, Place()) is batch
