"""Transforms of the training rows, beside any objective. A new one is one file and one line here."""

from reversal_cli.transforms.base import TransformOptions
from reversal_cli.transforms.both import Both
from reversal_cli.transforms.bridge import Bridge
from reversal_cli.transforms.identity import Identity
from reversal_cli.transforms.reverse import Reverse
from reversal_cli.transforms.spt import Spt

TRANSFORMS: dict[str, type[TransformOptions]] = {
    "none": Identity,
    "reverse": Reverse,
    "spt": Spt,
    "both": Both,
    "bridge": Bridge,
}
