"""The rows of a batch that one of several processes computes, and its part of the loss.

The processes share each planned batch, so that a training does not depend on their number but for rounding: order,
masks and coins are drawn for the whole batch, and its loss is one mean over its labels.
"""

import numpy as np
from torch import Tensor, from_numpy

from reversal_cli.objectives.base import IGNORE, Batch
from reversal_cli.processes.place import Place


def share_of(batch: Batch, here: Place) -> Batch:
    """Every n-th row of n processes, as wide as in the whole batch.

    A process for which there is no row gets the first one without labels, because the others wait for its gradients.
    Of 3 rows, 2 processes compute the rows 0 and 2, and 1.
    """
    if here.processes == 1:
        return batch
    rows = list(range(here.rank, len(batch.labels), here.processes))
    labels = batch.labels[rows] if rows else np.full_like(batch.labels[:1], IGNORE)
    rows = rows or [0]
    return Batch(
        input_ids=batch.input_ids[rows],
        attention_mask=batch.attention_mask[rows],
        position_ids=batch.position_ids[rows],
        labels=labels,
        lengths=batch.lengths[rows],
        weights=None if batch.weights is None else batch.weights[rows],
        normalizer=batch.normalizer,
    )


def loss_divisor(batch: Batch, here: Place) -> Tensor | float:
    """What each process divides the sum of its losses by, so that the mean over n processes is the loss of the batch.

    That is an n-th of the batch's labels, or of its normalizer: gradients and losses of processes are averaged.
    """
    labels = (from_numpy(batch.labels) != IGNORE).sum().clamp(min=1)
    divisor = labels if batch.normalizer is None else batch.normalizer
    return divisor if here.processes == 1 else divisor / here.processes
