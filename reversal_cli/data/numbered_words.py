"""Texts as arrays of word numbers, so that NumPy searches a whole file at once."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from reversal_cli.data.arrays import ranges
from reversal_cli.data.folding import folded_words
from reversal_cli.data.jsonl import without_garbage_collection

TEXTS_AT_ONCE = 4096
"""Texts that are split at once: the parts of a whole file need more memory than its texts."""


class NumberedTexts(NamedTuple):
    words: np.ndarray
    """int32 [w]: the number of each folded word, text after text. Words have numbers from 1 on."""
    starts: np.ndarray
    """int64 [t + 1]: text i has words[starts[i] : starts[i + 1]]."""

    @property
    def lengths(self) -> np.ndarray:
        """int64 [t]: how many words each text has."""
        return np.diff(self.starts)

    def text(self, number: int) -> np.ndarray:
        """int32 [n]: the words of one text."""
        return self.words[self.starts[number] : self.starts[number + 1]]

    def text_at(self, places: np.ndarray) -> np.ndarray:
        """int64 [n]: the text to which the word at each place belongs. places: int64 [n]."""
        return np.searchsorted(self.starts, places, side="right") - 1


def joined_texts(parts: Sequence[NumberedTexts]) -> NumberedTexts:
    """The texts of all parts, in order."""
    lengths = np.concatenate([np.zeros(1, np.int64), *(part.lengths for part in parts)])
    return NumberedTexts(np.concatenate([np.empty(0, np.int32), *(part.words for part in parts)]), np.cumsum(lengths))


def side_by_side(left: NumberedTexts, right: NumberedTexts) -> NumberedTexts:
    """Text i of `left`, then text i of `right`, as one text."""
    starts = left.starts + right.starts
    words = np.empty(starts[-1], np.int32)
    words[ranges(starts[:-1], left.lengths)] = left.words
    words[ranges(starts[:-1] + left.lengths, right.lengths)] = right.words
    return NumberedTexts(words, starts)


class Vocabulary:
    """Numbers words; the same words, whatever their case and punctuation, have the same number in all texts."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        """Folded word -> its number."""
        self._chunks = _Chunks()
        self._words = np.empty(0, np.int32)
        """The numbers of the words of all chunks, one chunk after another."""
        self._sizes = np.empty(0, np.int64)
        """How many words each chunk has: "well-known," one, "--" none, "Lake/River" two."""

    def number(self, texts: Iterable[str]) -> NumberedTexts:
        """The words of `texts`, as `folded_words` gives them.

        >>> Vocabulary().number(['Ann, ANN!', '', 'to Ann'])
        NumberedTexts(words=array([1, 1, 2, 1], dtype=int32), starts=array([0, 2, 2, 4]))
        """
        blocks = []
        rest = iter(texts)
        with without_garbage_collection():
            while block := [text.split() for text in islice(rest, TEXTS_AT_ONCE)]:
                blocks.append(self._number_block(block))
        return joined_texts(blocks)

    def number_repeated(self, texts: Sequence[str]) -> NumberedTexts:
        """Like `number`, but looks the words of a repeated text up only once."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        once = self.number(places)
        which = np.fromiter(map(places.__getitem__, texts), np.int64, len(texts))
        lengths = once.lengths[which]
        return NumberedTexts(once.words[ranges(once.starts[which], lengths)], np.append(0, np.cumsum(lengths)))

    def _number_block(self, block: list[list[str]]) -> NumberedTexts:
        """The words of texts that are split at their spaces."""
        counts = np.fromiter(map(len, block), np.int64, len(block))
        numbers = map(self._chunks.__getitem__, chain.from_iterable(block))
        chunks = np.fromiter(numbers, np.int64, counts.sum())
        self._learn_new_chunks()
        sizes = self._sizes[chunks]
        words = self._words[ranges((np.cumsum(self._sizes) - self._sizes)[chunks], sizes)]
        words_before = np.append(0, np.cumsum(sizes))
        return NumberedTexts(words, words_before[np.append(0, np.cumsum(counts))])

    def _learn_new_chunks(self) -> None:
        new = [folded_words(chunk) for chunk in islice(self._chunks, len(self._sizes), None)]
        numbers = [self._numbers.setdefault(word, len(self._numbers) + 1) for words in new for word in words]
        self._words = np.append(self._words, np.array(numbers, np.int32))
        self._sizes = np.append(self._sizes, np.array([len(words) for words in new], np.int64))


class _Chunks(dict[str, int]):
    """Text between two spaces -> its number, from 0 on. A benchmark repeats its words: most have one already."""

    def __missing__(self, chunk: str) -> int:
        number = self[chunk] = len(self)
        return number
