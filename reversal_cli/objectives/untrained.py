"""No objective: the checkpoint as it is, the baseline row of every table."""

from typing import ClassVar, Literal

from reversal_cli.objectives.base import FamilyName, ObjectiveOptions, PromptLayout, TokenIds


class Untrained(ObjectiveOptions):
    """No objective: the checkpoint is evaluated as it is, GLM by filling a blank."""

    summary: ClassVar[str] = "no training: the checkpoint as it is (the baseline row)"
    on: ClassVar[dict[FamilyName, str]] = {"rotary": "continues the prompt", "glm": "fills a blank after the prompt"}
    trains: ClassVar[bool] = False

    name: Literal["none"] = "none"

    @property
    def label(self) -> str:
        return "untrained"

    def prompt_layout(self, tokens: TokenIds) -> PromptLayout:
        if not tokens.two_row_positions:
            return PromptLayout()
        return PromptLayout(tokens.blanks.at_end(tokens.blanks.long_mask))
