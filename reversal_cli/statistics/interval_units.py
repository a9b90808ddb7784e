"""What intervals are over; alone in a file that waits for nothing, so that `reversal --help` can name them."""

from typing import Literal, get_args

Unit = Literal["entities-and-templates", "entities"]
"""What an interval takes for drawn at random: both, or the entities alone."""
UNITS: tuple[Unit, ...] = get_args(Unit)
