"""The two parts of the lexicon: `BENCHMARK` for tested entities, `CORPUS` for those a base model is pretrained on.

A benchmark too large for `BENCHMARK` takes all its words from `LARGE_BENCHMARK`: names of its three groups that looked
different would tell the groups apart.

No benchmark shares a name word or a title word with the corpus. A base model pretrained on the corpus has therefore
learned the English of the templates and nothing about the entities it is tested on.
"""

from dataclasses import dataclass

from reversal_cli.data.name_description import names, titles


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of names and titles. Of the two lists of a pair, one is as long as the other or a multiple of it."""

    first_names: tuple[str, ...]
    surnames: tuple[str, ...]
    title_starts: tuple[str, ...]
    title_ends: tuple[str, ...]

    @property
    def capacity(self) -> int:
        """How many entities there are words for: pairs of name words or of title words, whichever is fewer."""
        return min(len(self.first_names) * len(self.surnames), len(self.title_starts) * len(self.title_ends))

    @property
    def name_words(self) -> frozenset[str]:
        return frozenset(self.first_names + self.surnames)

    @property
    def title_words(self) -> frozenset[str]:
        return frozenset(self.title_starts + self.title_ends)


def _compounds(starts: str, ends: str) -> tuple[str, ...]:
    """Every start with every end, as one word: `"Fox Owl", "brook"` gives Foxbrook and Owlbrook."""
    return tuple(start + end for start in starts.split() for end in ends.split())


BENCHMARK = Lexicon(
    first_names=tuple(names.BENCHMARK_FIRST_NAMES.split()),
    surnames=tuple(names.BENCHMARK_SURNAMES.split()),
    title_starts=tuple(titles.BENCHMARK_TITLE_STARTS.split()),
    title_ends=tuple(titles.BENCHMARK_TITLE_ENDS.split()),
)
"""10,000 names and as many titles: three groups of at most 3,333 entities."""

LARGE_BENCHMARK = Lexicon(
    first_names=BENCHMARK.first_names,
    surnames=_compounds(names.SURNAME_STARTS, names.SURNAME_ENDS),
    title_starts=_compounds(titles.PLACE_STARTS, titles.PLACE_ENDS),
    title_ends=BENCHMARK.title_ends,
)
"""300,000 names and as many titles: three groups of at most 100,000 entities."""

CORPUS = Lexicon(
    first_names=tuple(names.CORPUS_FIRST_NAMES.split()),
    surnames=tuple(names.CORPUS_SURNAMES.split()),
    title_starts=tuple(titles.CORPUS_TITLE_STARTS.split()),
    title_ends=tuple(titles.CORPUS_TITLE_ENDS.split()),
)
"""2,500 names and 1,600 titles."""
