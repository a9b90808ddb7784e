"""The loss of a model on whole texts, read from left to right."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reversal_cli.errors import ReversalError
from reversal_cli.inference.batching import explain_full_memory, longest_first
from reversal_cli.inference.finite import NotFiniteError
from reversal_cli.inference.generate import encode_prompt
from reversal_cli.models.attention import stock_attention
from reversal_cli.models.base import Loaded
from reversal_cli.models.token_losses import token_losses
from reversal_cli.objectives.base import IGNORE, Draw, Row
from reversal_cli.objectives.ntp import Ntp


class TextLoss(NamedTuple):
    """The loss over all texts."""

    mean: float
    """In nats per token."""
    tokens: int
    """Those that are predicted."""


@torch.inference_mode()
def mean_loss(loaded: Loaded, texts: Sequence[str], batch_size: int, where: str, in_blank: bool = True) -> TextLoss:
    """The mean over every token that is predicted from those before it, with stock attention.

    The texts are laid out as `Ntp` does, whatever the objective of the model, so that all are asked the same. The end
    of a text is not predicted: a line of a file need not be one.

    where: the source of the texts, for messages. in_blank: a GLM of 2022 writes the text into a blank, else from left
    to right without one; the first word, which a blank does not ask for, is given in both. Raises ReversalError if a
    text is too long for the model, a batch does not fit into memory, no token is predicted, or the loss is not finite.
    """
    rows = [Row((*encode_prompt(loaded.tokenizer, text), loaded.tokenizer.eos_token_id), 0) for text in texts]
    _refuse_long_texts(rows, loaded.max_position, where)
    loaded.model.eval()
    total, tokens = 0.0, 0
    with stock_attention(loaded.model), explain_full_memory(f"{batch_size} texts", loaded.model.device):
        for batch in longest_first(rows, lambda row: len(row.input_ids), batch_size):
            losses = _losses(loaded, batch, in_blank)
            total += float(losses.double().sum())
            tokens += len(losses)
    if not tokens:
        raise ReversalError(f"{where}: no text of two tokens; expected longer texts; name another file")
    if not math.isfinite(total):
        raise NotFiniteError(0, where)
    return TextLoss(total / tokens, tokens)


def _losses(loaded: Loaded, rows: Sequence[Row], in_blank: bool) -> Tensor:
    """The loss of each predicted token of the rows, which end with the eos: float32 [n]."""
    objective = Ntp(glm_form="blank" if in_blank else "causal")
    batch = objective.collate(rows, loaded.tokens, Draw(0, 0, tuple(range(len(rows)))))
    labels = batch.labels.copy()
    for row in labels:
        row[np.flatnonzero(row != IGNORE)[-1:]] = IGNORE  # the end of the text
    if loaded.tokens.two_row_positions and not in_blank:
        labels[:, 0] = IGNORE
    arrays = (batch.input_ids, batch.attention_mask, batch.position_ids, labels)
    ids, mask, positions, targets = (torch.from_numpy(array).to(loaded.model.device) for array in arrays)
    outputs = loaded.model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False)
    predicted = targets != IGNORE
    return token_losses(outputs.logits[predicted], targets[predicted])


def _refuse_long_texts(rows: Sequence[Row], max_position: int | None, where: str) -> None:
    for number, row in enumerate(rows, start=1):
        if max_position is not None and len(row.input_ids) > max_position + 1:
            raise ReversalError(
                f"{where}: text {number} has {len(row.input_ids)} tokens; expected at most {max_position + 1}, the "
                "positions this model has; shorten it"
            )
