"""Texts cut into the pieces that reverse training puts in another order."""

import re
from collections.abc import Iterable
from typing import Literal

from reversal_cli.data.base import Example, Target
from reversal_cli.data.mentions import Characters, find_mentions

TextUnit = Literal["word", "entity", "phrase"]

WORD = r"\w+(?:[-'\u2019]\w+)*|\S"
"""A word, or a punctuation mark."""
ENTITY = r'"[^"]+"|\u201c[^\u201d]+\u201d|[A-Z][\w\'\u2019-]*(?: [A-Z][\w\'\u2019-]*)+'
"""A title in quotation marks, or words in capitals side by side."""
PATTERNS: dict[TextUnit, re.Pattern[str]] = {
    "word": re.compile(WORD),
    "entity": re.compile(f"{ENTITY}|{WORD}"),
    "phrase": re.compile(WORD),
}
WHOLE: dict[TextUnit, frozenset[Target]] = {
    "word": frozenset(),
    "entity": frozenset({"name"}),
    "phrase": frozenset({"name", "description"}),
}
"""What the dataset tells that is one piece."""


def pieces(example: Example, unit: TextUnit) -> list[Characters]:
    """The places of the pieces of the example's text, in its order; spaces between them are left out."""
    text, pattern = example.text, PATTERNS[unit]
    found: list[Characters] = []
    place = 0
    for first, stop in _disjoint(mention.span for mention in find_mentions(example) if mention.kind in WHOLE[unit]):
        found += [match.span() for match in pattern.finditer(text, place, first)]
        found.append((first, stop))
        place = stop
    return found + [match.span() for match in pattern.finditer(text, place)]


def _disjoint(spans: Iterable[Characters]) -> list[Characters]:
    """The spans in text order, without those that begin inside another one."""
    kept: list[Characters] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept
