"""NTP: next-token prediction, the ordinary causal fine-tuning that shows the reversal curse."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from reversal_cli.objectives.base import Batch, Draw, ObjectiveOptions, Row, TokenIds, next_token_batch


class Ntp(ObjectiveOptions):
    """Next-token prediction."""

    summary: ClassVar[str] = "next-token prediction (causal baseline)"
    mirrored: ClassVar[bool] = False

    name: Literal["ntp"] = "ntp"

    def collate(self, rows: Sequence[Row], tokens: TokenIds, draw: Draw) -> Batch:
        """A causal batch; nothing is drawn."""
        return next_token_batch(rows, tokens, self.loss_on)
