"""SPT: semantic-aware permutation training (Guo et al., arXiv 2403.00758), with chunks by rule.

A row is cut into chunks, and each drawing shows them in one of three orders: as they are, backwards, or at random. The
published chunks are a language model's; here a name is a chunk, a description is one, and so is what lies between.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from reversal_cli.objectives.base import Row, Span, TokenIds
from reversal_cli.objectives.spans import content_span
from reversal_cli.transforms.base import TransformOptions


class Spt(TransformOptions):
    """Permutation of chunks. A chunk that comes first has no space before it, as it had where it was not."""

    summary: ClassVar[str] = "permutes chunks of each row: as they are, backwards or at random, a third each"
    moves_prompt: ClassVar[bool] = True

    name: Literal["spt"] = "spt"

    def row(self, row: Row, tokens: TokenIds, generator: np.random.Generator) -> Row:
        """The row with its chunks in one of three orders, each with probability 1/3.

        Two chunks at random are as they are or backwards.
        """
        chunks = rule_chunks(row, tokens)
        order = generator.integers(3)
        if order == 0:
            return row
        return permuted(row, chunks[::-1] if order == 1 else [chunks[i] for i in generator.permutation(len(chunks))])


def rule_chunks(row: Row, tokens: TokenIds) -> list[Span]:
    """The content, cut where a name, a description or the completion begins or ends, but never inside of a name or
    description: the Row of name 7 and description 8 9 in `1 7 8 9 2` -> (1, 2), (2, 4)."""
    content = content_span(row, tokens)
    spans = [item.span for item in row.items]
    bounds = {*content, row.completion_start, *itertools.chain.from_iterable(spans)}
    kept = [
        bound
        for bound in sorted(bounds)
        if content[0] <= bound <= content[1] and not any(first < bound < stop for first, stop in spans)
    ]
    return list(itertools.pairwise(kept))


def permuted(row: Row, chunks: Sequence[Span]) -> Row:
    """The row with the chunks of its content in this order; its items move with them.

    Example, ids `1 7 8 9 2`, chunks (2, 4), (1, 2): `1 8 9 7 2`. No prompt is left, unless the order is as it was.
    """
    if not chunks or list(chunks) == sorted(chunks):
        return row
    start, stop = min(chunks)[0], max(chunks)[1]
    ids = list(row.input_ids[:start])
    items = []
    for first, last in chunks:
        shift = len(ids) - first
        ids += row.input_ids[first:last]
        items += [
            item._replace(span=(item.span[0] + shift, item.span[1] + shift))
            for item in row.items
            if first <= item.span[0] and item.span[1] <= last
        ]
    ids += row.input_ids[stop:]
    return dataclasses.replace(row, input_ids=tuple(ids), completion_start=start, items=tuple(items))
