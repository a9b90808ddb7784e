"""No transform: the training rows as the dataset has them."""

from typing import ClassVar, Literal

from reversal_cli.transforms.base import TransformOptions


class Identity(TransformOptions):
    """No transform."""

    summary: ClassVar[str] = "no transform: the training rows as the dataset has them"
    is_identity: ClassVar[bool] = True

    name: Literal["none"] = "none"
