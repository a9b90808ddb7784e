"""FIM: fill in the middle (Bavarian et al., arXiv 2207.14255): a piece of the text is moved to its end.

The model stays causal; it reads what comes before the piece and what comes after it, and then writes the piece.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from reversal_cli.objectives.base import (
    GLM_CAUSAL,
    LENT_BY_GLM,
    Batch,
    Draw,
    FamilyName,
    PromptLayout,
    Row,
    Span,
    TokenIds,
)
from reversal_cli.objectives.protection import DRAWS, ProtectingOptions
from reversal_cli.objectives.rows import next_token_batch
from reversal_cli.objectives.spans import content_span, refuse_rows_without


class Fim(ProtectingOptions):
    """Fill in the middle."""

    summary: ClassVar[str] = "fill in the middle: a piece of the text is moved to its end"
    on: ClassVar[dict[FamilyName, str]] = {"rotary": "causal", "glm": f"{GLM_CAUSAL}, with sentinels 'two'"}

    name: Literal["fim"] = "fim"
    fim_rate: float = Field(default=0.5, ge=0, le=1)
    """Probability that a piece of a row is moved; the others are read as they are."""
    span_policy: Literal["random", "entity"] = "random"
    """Which piece. random: any stretch of the row, also an empty one (on tokens; published: characters). entity: the
    whole name or the whole description."""
    spm_share: float = Field(default=0.5, ge=0, le=1)
    """Probability that the suffix comes before the prefix, so that the piece follows the prefix."""
    sentinels: Literal["three", "two"] = "three"
    """three: tokens for prefix, suffix and middle, as published. two: none for the prefix, for a GLM of 2022."""
    prompt_form: Literal["plain", "fim"] = "plain"
    """How the trained model reads a prompt: as a text to continue, or as the prefix of a middle without a suffix."""

    @property
    def extra_tokens(self) -> int:
        return 3 if self.sentinels == "three" else 2

    def trained_length(self, length: int, tokens: TokenIds) -> int:
        return length + self.extra_tokens

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        if self.prompt_form == "plain":
            return PromptLayout()
        before, suffix, middle = self._sentinels(tokens)
        return PromptLayout(before=before, after=(suffix, middle))

    def _sentinels(self, tokens: TokenIds) -> tuple[tuple[int, ...], int, int]:
        """The tokens before a prefix, a suffix and a middle."""
        *before, suffix, middle = tokens.extra
        return tuple(before), suffix, middle

    def refusal(self, family: FamilyName) -> str:
        if family == "glm" and self.sentinels == "three":
            return f"objective.sentinels is 'three', and a GLM of 2022 has {LENT_BY_GLM} tokens to lend; choose 'two'"
        return super().refusal(family)

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        unused = super().unused(family)
        if self.fim_rate == 0:
            unused |= dict.fromkeys(("span_policy", "spm_share", "protect"), "fim_rate is 0, so that no piece is moved")
            if self.prompt_form == "plain" and family == "rotary":
                unused["sentinels"] = "fim_rate is 0 and prompt_form 'plain', so that none is read"
        return unused

    def check(self, rows: Sequence[Row]) -> None:
        super().check(rows)
        if self.span_policy == "entity":
            refuse_rows_without({"name", "description"}, rows, "objective.span_policy", "choose 'random'")

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A causal batch of rows whose piece is moved, or not."""
        moved = [self._draw_row(row, tokens, draw.row_generator(index)) for index, row in enumerate(rows)]
        return next_token_batch(moved, tokens, "sequence")

    def _draw_row(self, row: Row, tokens: TokenIds, generator: np.random.Generator) -> Row:
        if generator.random() >= self.fim_rate:
            return row
        content, protected = content_span(row, tokens), self.protected(row)
        for _ in range(DRAWS):
            piece = self._draw_piece(row, content, generator)
            suffix_first = generator.random() < self.spm_share
            behind_what_follows = range(content[0] if suffix_first else piece[0], piece[1])
            if protected.isdisjoint(behind_what_follows):
                return self.move(row, piece, tokens, suffix_first)
        return row

    def _draw_piece(self, row: Row, content: Span, generator: np.random.Generator) -> Span:
        if self.span_policy == "entity":
            return row.items[int(generator.integers(len(row.items)))].span
        first, last = sorted(generator.integers(0, content[1] - content[0] + 1, 2).tolist())
        return content[0] + first, content[0] + last

    def move(self, row: Row, piece: Span, tokens: TokenIds, suffix_first: bool) -> Row:
        """The row with the piece at its end.

        Example, ids `1 7 8 9 2` with (2, 3) moved (sentinels 90 91 92): `1 90 7 91 9 92 8 2`; with the suffix first
        `1 90 91 9 92 7 8 2`.
        """
        start, stop = content_span(row, tokens)
        before, suffix, middle = self._sentinels(tokens)
        ids = row.input_ids
        prefix, tail = ids[start : piece[0]], (suffix, *ids[piece[1] : stop])
        ends = (*tail, middle, *prefix) if suffix_first else (*prefix, *tail, middle)
        return Row((*ids[:start], *before, *ends, *ids[slice(*piece)], *ids[stop:]), start + len(before))
