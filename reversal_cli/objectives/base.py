"""The contract of an objective: tokenized rows in, one training batch out. NumPy only: specs load without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from reversal_cli.objectives.prompt_layout import PromptLayout

IGNORE = -100
"""Label of a position that has no loss."""

LossOn = Literal["sequence", "completion"]
FamilyName = Literal["rotary", "glm"]
"""rotary: Llama, GLM-4 and every other causal model with rotary positions; glm: the GLM of 2022."""

GLM_ONLY = "it is for the GLM of 2022, and this model is another"
ROTARY_ONLY = "it is for models with rotary positions, and this one is a GLM of 2022"
"""Why an option has no effect."""
GLM_CAUSAL = "the text without blanks under a causal mask"
"""How an objective that knows no blanks trains a GLM of 2022."""
LENT_BY_GLM = 2
"""Tokens without a meaning that a GLM of 2022 has: its mask and its sop. All other ids of its tables have one."""

Attention = Literal["stock", "mirrored"]
"""The attention of a rotary model: its own, or the mirrored one of `models/attention.py`."""

Span = tuple[int, int]
"""First index and the one after the last."""


class Item(NamedTuple):
    """Where a row has its name or its description."""

    kind: Literal["name", "description"]
    span: Span
    whole: bool = True
    """False: the description in another grammatical form than the dataset tells it in."""


@dataclass(frozen=True, slots=True)
class Row:
    """One tokenized example, special tokens included."""

    input_ids: tuple[int, ...]
    completion_start: int
    """Index of the first completion token: the prompt is `input_ids[:completion_start]`."""
    items: tuple[Item, ...] = ()
    """The name and the description, as far as the dataset tells and the text has them."""
    marks: tuple[int, ...] = ()
    """Tokens before which a transform puts one of its own; none are left when it has."""
    alternative: "Row | None" = None
    """What a drawing may show instead."""

    @property
    def entities(self) -> tuple[Span, ...]:
        """The name and the description where they stand as the dataset tells them."""
        return tuple(item.span for item in self.items if item.whole)


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

    def at_end(self, long_mask: int | None) -> tuple[int, ...]:
        """What stands for the end of a text: the long mask alone, or (None) the ordinary mask with the eos after it."""
        return (self.mask, self.eos) if long_mask is None else (long_mask,)


@dataclass(frozen=True, slots=True)
class ChatTokens:
    """A question and its answer in a model's chat template, without their texts."""

    before: tuple[int, ...]
    """Up to the user's text, an instruction before it included."""
    between: tuple[int, ...]
    """From the end of the user's text to the assistant's."""


@dataclass(frozen=True, slots=True)
class TokenIds:
    """What an objective needs to know about the model's tokens."""

    pad: int
    special: frozenset[int]
    """bos, eos, pad ...: never masked, nor a target of denoising, but for the eos where an objective asks for it."""
    two_row_positions: bool = False
    """Each token has a position in the text and one in its blank, as in the GLM of 2022, which models language by
    filling blanks; False: one position, and language is modelled by continuing the text."""
    blanks: BlankTokens = None  # type: ignore[assignment]  # only objectives that need them read them
    """None: the model was not given any."""
    sentence_ends: frozenset[int] = frozenset()
    """Tokens after which a sentence can end."""
    vocabulary: int = 0
    """Tokens of the tokenizer: ids from 0 on."""
    extra: tuple[int, ...] = ()
    """As many tokens without a meaning as the objective asked for."""
    of_transform: tuple[int, ...] = ()
    """As many more as the transform asked for."""
    chat: ChatTokens = None  # type: ignore[assignment]  # only objectives that ask for it read it
    """None: the objective has no `instruction`."""


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

    def transform_generator(self, row: int) -> np.random.Generator:
        """For what a transform draws per example."""
        return np.random.default_rng((self.seed, self.epoch, self.indices[row], 3))


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
    lengths: np.ndarray
    """int64 [b], tokens of each row that are no padding: masks, copies and blanks included."""
    weights: np.ndarray | None = None
    """float32 [b, s], what each label's loss is multiplied by; None: 1."""
    normalizer: float | None = None
    """What the sum of the losses is divided by; None: the number of labels."""


class ObjectiveOptions(BaseModel):
    """The contract of an objective, and the base of its options.

    An objective defines `name` (its key in `OBJECTIVES`), `summary`, `on` and `collate`. The rest has defaults, which
    are right for an objective that trains a model to continue a text. Options are frozen and have defaults; an unknown
    key is an error, and so is a value of another type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    summary: ClassVar[str]
    """One line for `reversal list`."""
    on: ClassVar[dict[FamilyName, str]]
    """Model family -> how the objective trains such a model, for `reversal list`."""
    trains: ClassVar[bool] = True
    """False: the checkpoint is evaluated as it is."""
    needs_blanks: ClassVar[bool] = False
    """A model without tokens for blanks is given some."""
    variant_option: ClassVar[str | None] = None
    """The option that tables show beside the name: `abi (single)`."""
    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {}
    """Model family -> option that has no effect there -> why."""

    name: str

    @property
    def label(self) -> str:
        """What run names and progress lines call it."""
        return self.name

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """The batch of one training step. Randomness comes from `draw` alone."""
        raise NotImplementedError

    @property
    def needs_prompt(self) -> bool:
        """It learns the completion alone, so that a row must say where its prompt ends."""
        return False

    @property
    def rotary_attention(self) -> Attention:
        """The attention that rotary models are trained under, and answer with where a token sees one after it."""
        return "stock"

    @property
    def masks_attention(self) -> bool:
        """Rotary models with stock attention are given masks that are not causal, in training or in answering."""
        return False

    @property
    def extra_tokens(self) -> int:
        """Tokens without a meaning that it wants of the model, in `TokenIds.extra`."""
        return 0

    @property
    def instruction(self) -> str | None:
        """What the user says before a text, where rows are conversations, as `TokenIds.chat` lays them out."""
        return None

    def trained_length(self, length: int, tokens: TokenIds) -> int:
        """The most positions that a row of `length` tokens takes in a batch."""
        return length

    @property
    def answer_length(self) -> int | None:
        """How many new tokens its evaluation must ask for; None: any number."""
        return None

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        """How the trained model reads a prompt that it is to answer."""
        return PromptLayout()

    def refusal(self, family: FamilyName) -> str:
        """Why it cannot train a model of the family, and what to do; empty if it can."""
        if family in self.on:
            return ""
        return f"objective '{self.name}' is for models of family {' or '.join(self.on)}; choose such a model"

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        """Option -> why it has no effect, on such a model (None: not known yet) or beside the other options."""
        return dict(self.unused_on.get(family, {})) if family else {}

    def check(self, rows: Sequence[Row]) -> None:
        """Raises ReversalError if the objective cannot learn from these rows. It may look at their items alone: rows
        without tokens are checked before a tokenizer is loaded."""
