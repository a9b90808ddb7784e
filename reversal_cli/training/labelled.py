"""Logits only where there is a label.

Most of a small model's arithmetic, and most of a large model's memory, is in logits that no label needs.
"""

from torch import Tensor, nn
from transformers import PreTrainedModel

from reversal_cli.objectives.base import IGNORE

FEW = 128
"""Up to so many positions the output layer sees a multiple of FEW_MULTIPLE, above it one of MULTIPLE."""
FEW_MULTIPLE = 16
MULTIPLE = 64


def labelled(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Positions [n] in the batch, counted over its rows, and their labels [n], of labels [b, s].

    n is `filled_up`, with IGNORE.
    """
    labels = labels.flatten()
    positions = (labels != IGNORE).nonzero().flatten()
    fill = (0, filled_up(len(positions)) - len(positions))
    return nn.functional.pad(positions, fill), nn.functional.pad(labels[positions], fill, value=IGNORE)


def filled_up(count: int) -> int:
    """How many positions the output layer sees for so many labels.

    Few different numbers: else nearly every step would have one of its own, for which a CPU compiles kernels and keeps
    them. Of a small batch more is lost in the filling than in a few kernels more.

    >>> [filled_up(count) for count in (0, 1, 66, 128, 129)]
    [0, 16, 80, 128, 192]
    """
    multiple = FEW_MULTIPLE if count <= FEW else MULTIPLE
    return -(-count // multiple) * multiple


class LabelledPositions:
    """Lets the output layer see only the hidden states that predict a label.

    A hook on the output layer leaves the model's forward, and whatever wraps it, as it is.
    """

    def __init__(self, model: PreTrainedModel):
        self.chosen: Tensor | None = None
        model.get_output_embeddings().register_forward_pre_hook(self._keep_chosen)

    def select(self, chosen: Tensor) -> "LabelledPositions":
        """chosen: positions [n] as from `labelled`, whose hidden states are to give logits."""
        self.chosen = chosen
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.chosen = None

    def _keep_chosen(self, module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if self.chosen is None:
            return None
        return (args[0].flatten(0, 1)[self.chosen],)  # [n, h]
