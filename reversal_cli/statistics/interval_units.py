"""The values of `--intervals`: what an interval is over. No heavy imports, so that `--help` stays fast."""

from typing import Literal, get_args

Unit = Literal["entities-and-templates", "entities"]
"""What an interval treats as a random sample: entities and templates, or entities alone."""
UNITS: tuple[Unit, ...] = get_args(Unit)
