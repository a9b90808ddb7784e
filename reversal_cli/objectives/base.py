"""What every objective shares: tokenized rows in, one training batch out. NumPy only: specs load without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

IGNORE = -100
"""Label of a position that has no loss."""

LossOn = Literal["sequence", "completion"]
FamilyName = Literal["rotary", "glm"]
"""rotary: Llama, GLM-4 and every other causal model with rotary positions; glm: the GLM of 2022."""

GLM_ONLY = "it is for the GLM of 2022, and this model is none"
ROTARY_ONLY = "it is for models with rotary positions, and this one is a GLM of 2022"
"""Why an option is idle."""

Span = tuple[int, int]
"""First index and the one after the last."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenized example, special tokens included."""

    input_ids: tuple[int, ...]
    completion_start: int
    """Index of the first completion token: the prompt is `input_ids[:completion_start]`."""
    entities: tuple[Span, ...] = ()
    """Where the name and the description stand, as far as the dataset tells and the text has them."""


@dataclass(frozen=True, slots=True)
class BlankTokens:
    """The tokens with which a model reads and fills blanks."""

    mask: int
    """Stands for a blank in the text."""
    sentence_mask: int
    """The same for whole sentences; `mask` where the model has no other."""
    long_mask: int | None
    """The same for a text's long end, which then has no eos; None where the model has none."""
    sop: int
    """Comes first in a filled blank."""
    eop: int
    """Ends a filled blank."""
    eos: int


@dataclass(frozen=True, slots=True)
class TokenIds:
    """What a collator has to know of the model."""

    pad: int
    special: frozenset[int]
    """Never masked, never a target of denoising: bos, eos, pad ..."""
    family: FamilyName = "rotary"
    blanks: BlankTokens = None  # type: ignore[assignment]  # only objectives that need them read them
    """None: the model was not given any."""
    sentence_ends: frozenset[int] = frozenset()
    """Tokens after which a sentence can end."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Where the randomness of a batch comes from: nothing but (seed, epoch, example index)."""

    seed: int
    epoch: int
    indices: tuple[int, ...]
    """Index of each row in the training set."""

    def batch_generator(self) -> np.random.Generator:
        """For what is drawn once per batch (BICO's coin and mask rate): keyed by the batch's first example."""
        return np.random.default_rng((self.seed, self.epoch, self.indices[0], 2))

    def row_generator(self, row: int) -> np.random.Generator:
        """For what is drawn per example: the same whatever batch the example lands in."""
        return np.random.default_rng((self.seed, self.epoch, self.indices[row], 1))


@dataclass(frozen=True, slots=True)
class Batch:
    """One training step's arrays, right-padded. The model's logits at t are scored against `labels[t]`."""

    input_ids: np.ndarray
    """int64 [b, s]"""
    attention_mask: np.ndarray
    """bool, True = may attend: [b, s] (keys; the model adds causality) or [b, 1, s, s] (used as it is)."""
    position_ids: np.ndarray
    """int64 [b, s]; for GLM [b, 2, s]."""
    labels: np.ndarray
    """int64 [b, s], IGNORE = no loss."""
    tokens: int
    """Real (unpadded) tokens in the batch."""


class ObjectiveOptions(BaseModel):
    """Base of every objective's options. Frozen; an unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    def fills_blanks(self, family: FamilyName) -> bool:
        """Whether a model trained with this objective answers by filling a blank, not by continuing the prompt."""
        return False

    def prompt_mask(self, blanks: BlankTokens) -> int | None:
        """The long mask with which a prompt asks for its continuation; None: `blanks.mask`, before the eos."""
        return blanks.long_mask

    def idle(self, family: FamilyName | None) -> dict[str, str]:
        """Options that decide nothing on such a model (None: not known yet), or beside the other options -> why."""
        return {}

    def check(self, rows: Sequence[Row]) -> None:
        """Raises ReversalError where the objective cannot learn from these rows."""


def pad_rows(rows: Sequence[Sequence[int]], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Right-padded ids int64 [b, s] and real-token mask bool [b, s]."""
    width = max(len(row) for row in rows)
    input_ids = np.full((len(rows), width), pad, dtype=np.int64)
    real = np.zeros((len(rows), width), dtype=bool)
    for index, row in enumerate(rows):
        input_ids[index, : len(row)] = row
        real[index, : len(row)] = True
    return input_ids, real


def positions(input_ids: np.ndarray, family: FamilyName) -> np.ndarray:
    """0 .. s-1 for every row, of a text without blanks: int64 [b, s], or [b, 2, s] with zeros for GLM's second row.

    Always explicit, so that no model guesses packed rows from a mask.
    """
    counted = np.broadcast_to(np.arange(input_ids.shape[1], dtype=np.int64), input_ids.shape)
    return np.stack([counted, np.zeros_like(counted)], axis=1) if family == "glm" else counted.copy()


def next_token_labels(targets: np.ndarray) -> np.ndarray:
    """Labels where the token at t+1 is predicted at t: `targets` int64 [b, s] moved one to the left."""
    labels = np.full_like(targets, IGNORE)
    labels[:, :-1] = targets[:, 1:]
    return labels


def next_token_batch(rows: Sequence[Row], tokens: TokenIds, loss_on: LossOn) -> Batch:
    """The ordinary causal batch: every real token but the first is predicted, or every completion token."""
    input_ids, real = pad_rows([row.input_ids for row in rows], tokens.pad)
    targets = np.where(real, input_ids, IGNORE)
    if loss_on == "completion":
        for index, row in enumerate(rows):
            targets[index, : row.completion_start] = IGNORE
    return Batch(input_ids, real, positions(input_ids, tokens.family), next_token_labels(targets), int(real.sum()))
