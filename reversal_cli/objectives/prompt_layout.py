"""How a trained model reads a prompt that it is to answer."""

from dataclasses import dataclass
from typing import Literal

SpanPositions = Literal["after_mask", "after_text"]
"""What a model with one row of positions gives a blank's tokens: mask position + 1, 2, ..., or their place in the
sequence."""


@dataclass(frozen=True, slots=True)
class Unmasking:
    """How a canvas of placeholders is filled, the surest tokens first."""

    steps: int
    guidance: float
    """How far the logits move away from those without the prompt."""


@dataclass(frozen=True, slots=True)
class Denoising:
    """How the token after a text is read from a row whose tokens all see each other."""

    placeholder: int
    """The id that stands for the token to be written."""
    placeholder_visible: bool
    """Whether the placeholder is a key too, as a learned mask token is."""
    target: Literal["next", "same"]
    """Where its logits are: before the placeholder, as in causal models, or at it."""
    canvas: int = 1
    """Placeholders after a prompt, as long as nothing is written."""
    unmasking: Unmasking | None = None
    """How all of them are filled. None: the first one, again and again."""


@dataclass(frozen=True, slots=True)
class PromptLayout:
    """How a prompt is laid out for its answer. By default the answer continues the text."""

    blank: tuple[int, ...] = ()
    """The ids that stand for the answer: a mask token, and what follows it. Empty: there is no blank."""
    tokens_before: int | None = None
    """How many tokens of the prompt stand before the blank; the others are its first words. None: all of them."""
    span_positions: SpanPositions = "after_mask"
    """Positions of the answer's tokens in a model with one row of positions."""
    bidirectional: bool = False
    """The prompt's tokens see each other; what is written sees all before it."""
    before: tuple[int, ...] = ()
    """The ids that come before the prompt's first word (after a bos), and ..."""
    after: tuple[int, ...] = ()
    """... at its end, where it is no blank."""
    denoising: Denoising | None = None
    """Each token of the answer is denoised, in a row that is read anew for it. None: it is decoded with a cache."""

    @property
    def sees_ahead(self) -> bool:
        """Some token sees one after it, so that how a model attends to those ahead matters."""
        return self.bidirectional or bool(self.blank) or self.denoising is not None
