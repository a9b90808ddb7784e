"""ABI: autoregressive blank infilling (Du et al. 2022, arXiv 2103.10360), the objective GLM is pretrained with.

A blank is read with what stands on both of its sides and written from left to right, so the model also learns to say
what comes before: "[blank] is the composer of X" asks for the name.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import (
    ROTARY_ONLY,
    Batch,
    BlankTokens,
    Draw,
    FamilyName,
    PromptLayout,
    Row,
    Span,
    TokenIds,
)
from reversal_cli.objectives.blanks import BlankRow, blank_batch, lay_out, suffix_row
from reversal_cli.objectives.prompt_layout import SpanPositions
from reversal_cli.objectives.protection import DRAWS, ProtectingOptions
from reversal_cli.objectives.spans import (
    MAX_POISSON_SPAN,
    content_span,
    draw_sentence_spans,
    draw_single_span,
    draw_suffix_start,
    draw_token_spans,
)

Mode = Literal["tokens", "sentences", "document"]
DOCUMENT_OPTIONS = ("document_min_ratio", "document_suffix_share")
RANDOM_OPTIONS = ("mask_ratio", "span_mean", "token_share", "sentence_share", *DOCUMENT_OPTIONS)
"""Options that span_policy random reads, and no other policy."""


class Blanked(NamedTuple):
    """A text with blanks."""

    row: BlankRow
    inside: list[Span]
    """Those of its blanks that text may follow."""


class Abi(ProtectingOptions):
    """Autoregressive blank infilling."""

    summary: ClassVar[str] = "autoregressive blank infilling (blanks read from both sides)"
    needs_blanks: ClassVar[bool] = True
    variant_option: ClassVar[str | None] = "span_policy"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "prefix-bidirectional attention mask; mask and sop from unused or added tokens; greedy blank filling",
        "glm": "as GLM was pretrained",
    }
    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {"glm": {"span_positions": ROTARY_ONLY}}

    name: Literal["abi"] = "abi"
    span_policy: Literal["single", "random", "entity"] = "single"
    """single: one span anywhere in the row, as the reversal-curse study draws a segment. random: GLM's pretraining
    sampler. entity: the whole name or the whole description, where the row has it as the dataset tells it: `the
    composer of X`, not `composed X` (but in any form in a row that transform `reverse` has turned round)."""
    suffix_share: float = Field(default=0.4, ge=0, le=1)
    """single, entity: probability that a row's blank is instead its end, of uniform length, as prompts ask for it."""
    max_span: int = Field(default=12, ge=1)
    """single: tokens of the longest span; lengths are uniform."""
    mask_ratio: float = Field(default=0.15, gt=0, le=1)
    """random: share of a row's tokens that become blanks, at least one blank."""
    span_mean: float = Field(default=3.0, gt=0, le=MAX_POISSON_SPAN)
    """random: mean of the Poisson distribution of span lengths, in tokens."""
    token_share: float = Field(default=1.0, ge=0, le=1)
    """random: probability that a batch's blanks are spans of tokens (GLM-large 1.0, GLM-10B 0.5)."""
    sentence_share: float = Field(default=0.0, ge=0, le=1)
    """random: probability that they are whole sentences (GLM-10B 0.3); otherwise they are documents."""
    document_min_ratio: float = Field(default=0.25, gt=0, le=1)
    """random, documents: shortest blank as a share of the row (GLM-10B 0.25)."""
    document_suffix_share: float = Field(default=0.5, ge=0, le=1)
    """random, documents: probability that the blank is the end of the row, eos included and no eop after it."""
    task_masks: bool = True
    """Sentences and ends of rows have their own mask tokens where the model has them (GLM-10B); without effect where it
    has one mask token (GLM-large, models that were given theirs)."""
    span_positions: SpanPositions = "after_mask"
    """Rotary models: positions of a blank's tokens, mask position + 1, 2, ... or their place in the sequence."""

    @model_validator(mode="after")
    def _shares_are_probabilities(self) -> "Abi":
        if self.token_share + self.sentence_share > 1:
            total = self.token_share + self.sentence_share
            raise ValueError(f"token_share and sentence_share add up to {total:g}; expected at most 1")
        return self

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        blank = tokens.blanks.at_end(self._long_mask(tokens.blanks))
        return PromptLayout(blank, span_positions=self.span_positions)

    def _long_mask(self, blanks: BlankTokens) -> int | None:
        return blanks.long_mask if self.task_masks else None

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        here = f"and this is '{self.span_policy}'"
        unused = super().unused(family)
        if self.span_policy != "single":
            unused["max_span"] = f"it is for span_policy 'single', {here}"
        if self.span_policy != "random" and self.suffix_share == 1:
            unused |= dict.fromkeys(
                ("max_span", "protect", "span_policy"), "suffix_share is 1, so that every blank is the end of its row"
            )
        if self.span_policy != "random":
            return unused | dict.fromkeys(RANDOM_OPTIONS, f"it is for span_policy 'random', {here}")
        unused["suffix_share"] = f"it is for span_policy 'single' or 'entity', {here}"
        if self.token_share == 0:
            unused["span_mean"] = "token_share is 0"
        if self.token_share + self.sentence_share == 0:
            unused["mask_ratio"] = "token_share and sentence_share are 0, so that every blank is a document"
            if self.document_suffix_share == 1:
                unused["protect"] = "document_suffix_share is 1, so that every blank is the end of its row"
        if self.token_share + self.sentence_share == 1:
            unused |= dict.fromkeys(DOCUMENT_OPTIONS, "token_share + sentence_share is 1, so no blank is a document")
        return unused

    def check(self, rows: Sequence[Row]) -> None:
        super().check(rows)
        if self.span_policy != "entity":
            return
        without = next((number for number, row in enumerate(rows, start=1) if not row.entities), None)
        if without is not None:
            raise ReversalError(
                f"objective.span_policy: training row {without} has neither its name nor its description in its text; "
                "expected a dataset that says what they are; choose 'single' or 'random'"
            )

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A batch of texts with blanks; rows draw theirs one by one, `random` draws the kind of blank per batch."""
        mode = self._mode(draw.batch_generator())
        laid_out = [self._lay_out(row, tokens, mode, draw.row_generator(i)) for i, row in enumerate(rows)]
        return blank_batch(laid_out, tokens, self.span_positions)

    def _mode(self, generator: np.random.Generator) -> Mode:
        drawn = generator.random()
        if drawn < self.token_share:
            return "tokens"
        return "sentences" if drawn < self.token_share + self.sentence_share else "document"

    def _lay_out(self, row: Row, tokens: TokenIds, mode: Mode, generator: np.random.Generator) -> BlankRow:
        content = content_span(row, tokens)
        if content[0] == content[1]:  # special tokens alone: an empty blank
            return self._suffix_row(row, len(row.input_ids) - 1, tokens)
        if self.span_policy != "random" and generator.random() < self.suffix_share:
            return self._suffix_row(row, draw_suffix_start(content, generator), tokens)
        protected = self.protected(row)
        for _ in range(DRAWS):
            blanked = self._draw_blanks(row, content, tokens, mode, generator)
            if all(protected.isdisjoint(range(*span)) for span in blanked.inside):
                return blanked.row
        return self._one_token_row(
            row, [index for index in range(*content) if index not in protected], tokens, generator
        )

    def _draw_blanks(
        self, row: Row, content: Span, tokens: TokenIds, mode: Mode, generator: np.random.Generator
    ) -> Blanked:
        if self.span_policy == "random":
            return self._random_row(row, content, tokens, mode, generator)
        if self.span_policy == "entity":
            span = row.entities[int(generator.integers(len(row.entities)))]
        else:
            span = draw_single_span(content, self.max_span, generator)
        return Blanked(lay_out(row.input_ids, [span], [0], tokens.blanks.mask, tokens.blanks), [span])

    def _suffix_row(self, row: Row, start: int, tokens: TokenIds) -> BlankRow:
        return suffix_row(row.input_ids, start, self._long_mask(tokens.blanks), tokens.blanks)

    def _one_token_row(
        self, row: Row, free: Sequence[int], tokens: TokenIds, generator: np.random.Generator
    ) -> BlankRow:
        """Where no blank spares what is protected: one of the other tokens, or an empty blank at the end."""
        if not free:
            return self._suffix_row(row, content_span(row, tokens)[1], tokens)
        start = int(generator.choice(free))
        return lay_out(row.input_ids, [(start, start + 1)], [0], tokens.blanks.mask, tokens.blanks)

    def _random_row(
        self, row: Row, content: Span, tokens: TokenIds, mode: Mode, generator: np.random.Generator
    ) -> Blanked:
        length, blanks = len(row.input_ids), tokens.blanks
        if mode == "document":
            return self._document_row(row, content, tokens, generator)
        if mode == "sentences":
            spans = draw_sentence_spans(row, content, tokens, self.mask_ratio, generator)
            mask = blanks.sentence_mask if self.task_masks else blanks.mask
        else:
            spans = draw_token_spans(content, length, self.mask_ratio, self.span_mean, generator)
            mask = blanks.mask
        order = generator.permutation(len(spans)).tolist()
        return Blanked(lay_out(row.input_ids, spans, order, mask, blanks), spans)

    def _document_row(self, row: Row, content: Span, tokens: TokenIds, generator: np.random.Generator) -> Blanked:
        """One long blank. (The published code draws its length per batch; we draw it per row.)"""
        length, blanks = len(row.input_ids), tokens.blanks
        longest = max(1, content[1] - content[0] - 1)
        blank = int(generator.integers(min(longest, max(1, int(self.document_min_ratio * length))), longest + 1))
        mask = self._long_mask(blanks)
        mask = blanks.mask if mask is None else mask
        if generator.random() < self.document_suffix_share:
            span = (length - blank, length)
            return Blanked(lay_out(row.input_ids, [span], [0], mask, blanks, ends=False), [])
        start = int(generator.integers(content[0], content[1] - blank + 1))
        return Blanked(lay_out(row.input_ids, [(start, start + blank)], [0], mask, blanks), [(start, start + blank)])
