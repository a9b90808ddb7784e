"""The choices of `--intervals`: what an interval is over. Without heavy imports, so that `--help` stays fast."""

from typing import Literal, get_args

Unit = Literal["entities-and-templates", "entities"]
"""What an interval takes for drawn at random: both, or the entities alone."""
UNITS: tuple[Unit, ...] = get_args(Unit)
