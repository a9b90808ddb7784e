"""Which tokens become blanks: the samplers of GLM's pretraining (THUDM/GLM, `ConstructBlockStrategy`).

A text is `[CLS] tokens eos` of n tokens; blanks are drawn in its content, the stretch without special tokens.
"""

import itertools
import math
from collections.abc import Collection, Sequence

import numpy as np

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import Row, Span, TokenIds

MAX_POISSON_SPAN = 39
"""The published sampler draws lengths of 1 to 39."""


def refuse_rows_without(kinds: Collection[str], rows: Sequence[Row], option: str, advice: str) -> None:
    """Raises ReversalError for the first row that has no item of these kinds. option: which one needs them."""
    for number, row in enumerate(rows, start=1):
        if not any(item.kind in kinds for item in row.items):
            lacks = "has neither its name nor its description"
            lacks = lacks if len(kinds) > 1 else f"does not have its {next(iter(kinds))}"
            raise ReversalError(
                f"{option}: training row {number} {lacks} in its text; expected a dataset that says what they are; "
                f"{advice}"
            )


def content_span(row: Row, tokens: TokenIds) -> Span:
    """The stretch between the special tokens at both ends: `[CLS] 7 8 eos` -> (1, 3)."""
    start, stop = 0, len(row.input_ids)
    while start < stop and row.input_ids[start] in tokens.special:
        start += 1
    while stop > start and row.input_ids[stop - 1] in tokens.special:
        stop -= 1
    return start, stop


def poisson_weights(mean: float) -> np.ndarray:
    """Probabilities of the lengths 1 .. 39: the Poisson distribution without zero, float64 [39]."""
    weights = np.array([mean**k * math.exp(-mean) / math.factorial(k) for k in range(1, MAX_POISSON_SPAN + 1)])
    return weights / weights.sum()


def draw_token_spans(
    content: Span, length: int, mask_ratio: float, mean: float, generator: np.random.Generator
) -> list[Span]:
    """Spans in text order with a token between any two: lengths until they reach `int(mask_ratio * length)`, at least
    one. `length` is that of the whole text.

    The published sampler drops a text that its spans do not fit into; we leave out the last ones, so that a short text
    still teaches something.
    """
    stretch = content[1] - content[0]
    wanted = int(mask_ratio * length)
    lengths: list[int] = []
    weights = poisson_weights(mean)
    while not lengths or sum(lengths) < wanted:
        lengths.append(1 + int(generator.choice(MAX_POISSON_SPAN, p=weights)))
    while len(lengths) > 1 and sum(lengths) + len(lengths) - 1 > stretch:
        lengths.pop()
    lengths[0] = min(lengths[0], stretch)
    generator.shuffle(lengths)
    free = stretch - sum(lengths) - len(lengths) + 1
    places = generator.integers(0, free + 1, len(lengths))
    return place_spans(lengths, places.tolist(), content[0])


def place_spans(lengths: Sequence[int], places: Sequence[int], offset: int) -> list[Span]:
    """Spans of these lengths that never touch: lengths 1 and 7 at places 12 and 29, offset 1 -> (13, 14), (32, 39)."""
    spans = []
    for place, length in zip(sorted(places), lengths, strict=True):
        spans.append((offset + place, offset + place + length))
        offset += length + 1
    return spans


def draw_sentence_spans(
    row: Row, content: Span, tokens: TokenIds, mask_ratio: float, generator: np.random.Generator
) -> list[Span]:
    """Whole sentences in text order, drawn until they hold `int(mask_ratio * length)` tokens; at least one."""
    ends = [i + 1 for i in range(*content) if row.input_ids[i] in tokens.sentence_ends]
    bounds = sorted({content[0], *ends, content[1]})
    sentences = list(itertools.pairwise(bounds))
    chosen: list[Span] = []
    for index in generator.permutation(len(sentences)):
        if chosen and sum(stop - start for start, stop in chosen) >= int(mask_ratio * len(row.input_ids)):
            break
        chosen.append(sentences[index])
    return sorted(chosen)


def draw_single_span(content: Span, max_span: int, generator: np.random.Generator) -> Span:
    """One span of uniform length 1 .. max_span, placed uniformly."""
    length = int(generator.integers(1, min(max_span, content[1] - content[0]) + 1))
    start = int(generator.integers(content[0], content[1] - length + 1))
    return start, start + length


def draw_suffix_start(content: Span, generator: np.random.Generator) -> int:
    """Where a suffix of uniform length begins; the first content token stays (in a text of one token it does not)."""
    return int(generator.integers(min(content[0] + 1, content[1] - 1), content[1]))
