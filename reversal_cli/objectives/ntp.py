"""NTP: next-token prediction, the ordinary causal fine-tuning that shows the reversal curse."""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Literal

from reversal_cli.objectives.base import (
    GLM_ONLY,
    IGNORE,
    Batch,
    Draw,
    FamilyName,
    LossOn,
    ObjectiveOptions,
    PromptLayout,
    Row,
    TokenIds,
)
from reversal_cli.objectives.blanks import BlankRow, blank_batch, suffix_row
from reversal_cli.objectives.rows import next_token_batch

FIRST_PREDICTED = 2
"""Index of the first token in GLM's blank: what comes before, [CLS] and one token, is given."""


class Ntp(ObjectiveOptions):
    """Next-token prediction."""

    summary: ClassVar[str] = "next-token prediction (causal baseline)"
    on: ClassVar[dict[FamilyName, str]] = {
        "rotary": "causal",
        "glm": "one blank from the second token to the end (glm_form = blank), or causal (glm_form = causal)",
    }
    unused_on: ClassVar[dict[FamilyName, dict[str, str]]] = {
        "rotary": dict.fromkeys(("glm_form", "glm_prompt"), GLM_ONLY),
    }

    name: Literal["ntp"] = "ntp"
    loss_on: LossOn = "sequence"
    """Which tokens are learnt: the whole sequence (published) or the completion only."""
    glm_form: Literal["blank", "causal"] = "blank"
    """GLM only. blank: `[CLS] first-token [gMASK]`, and all the rest written from left to right in the blank, which is
    how GLM models language. causal: the text without blanks under a causal mask, which GLM was never trained for."""
    glm_prompt: Literal["in_blank", "before_blank"] = "in_blank"
    """GLM, blank form only: where the prompt stands in evaluation. in_blank: as in training, after one given token it
    is the beginning of the blank. before_blank: `prompt [gMASK]`, read in both directions, which this training never
    showed."""

    @property
    def needs_prompt(self) -> bool:
        return self.loss_on == "completion"

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        if not self._in_blanks(tokens):
            return PromptLayout()
        tokens_before = FIRST_PREDICTED if self.glm_prompt == "in_blank" else None
        return PromptLayout(tokens.blanks.at_end(tokens.blanks.long_mask), tokens_before)

    def unused(self, family: FamilyName | None) -> dict[str, str]:
        beside_others = {"glm_prompt": "it is for glm_form 'blank', and this is 'causal'"}
        return (beside_others if self.glm_form == "causal" else {}) | super().unused(family)

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A causal batch; nothing is drawn."""
        if not self._in_blanks(tokens):
            return next_token_batch(rows, tokens, self.loss_on)
        laid_out = [self._blank_row(row, tokens) for row in rows]
        return blank_batch(laid_out, tokens, "after_mask")

    def _in_blanks(self, tokens: TokenIds) -> bool:
        return tokens.two_row_positions and self.glm_form == "blank"

    def _blank_row(self, row: Row, tokens: TokenIds) -> BlankRow:
        start = min(FIRST_PREDICTED, len(row.input_ids) - 1)
        laid_out = suffix_row(row.input_ids, start, tokens.blanks.long_mask, tokens.blanks)
        if self.loss_on == "sequence":
            return laid_out
        unscored = laid_out.prefix + max(0, row.completion_start - start)
        labels = (IGNORE,) * unscored + laid_out.labels[unscored:]
        return dataclasses.replace(laid_out, labels=labels)
