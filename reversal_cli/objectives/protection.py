"""`protect`: the falsification test of the methods that mask, blank, move or permute parts of the text.

A reversed answer is learned only where training asks for the source of the question, given what stands after it
(arXiv 2604.04943). With the name protected, N2D-reverse must fall to the level of NTP; if it does not, something else
is at work.
"""

from collections.abc import Sequence
from typing import Literal

from reversal_cli.objectives.base import ObjectiveOptions, Row
from reversal_cli.objectives.spans import refuse_rows_without

DRAWS = 100
"""How often blanks or pieces are drawn that should hold nothing protected; a row may have room for none."""


class ProtectingOptions(ObjectiveOptions):
    """Options of the objectives that ask for a part of the text, given what stands after it."""

    protect: Literal["none", "name", "description"] = "none"
    """What is never asked for given what stands after it: never masked, never blank but at the end of a row, never
    moved behind what follows it, never predicted in a random order. Where a method teaches the reverse, protecting what
    the question asks for undoes it. Blanks and pieces that would do so are drawn again: the others are shorter, and
    `fim` has hardly any with the suffix first in rows that begin with what is protected."""

    def check(self, rows: Sequence[Row]) -> None:
        if self.protect != "none":
            refuse_rows_without({self.protect}, rows, "objective.protect", "leave it out")

    def protected(self, row: Row) -> frozenset[int]:
        """Indices of the tokens of the row that are protected."""
        return frozenset(index for item in row.items if item.kind == self.protect for index in range(*item.span))
