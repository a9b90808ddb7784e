"""Which entities a text names and which it describes, by its words alone.

The fields of an example are not used: a reversed example is recognised whatever its labels, case or second sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reversal_cli.data.audit.clues import NAME, Clues, Sample, learn_clues, without_names
from reversal_cli.data.audit.numbered_file import NumberedFile
from reversal_cli.data.base import SUBTASKS, Group
from reversal_cli.data.folding import WORD
from reversal_cli.data.names_in_text import BOTH_TEST, TRAIN, KnownNames, Occurrences, group_targets
from reversal_cli.data.numbered_words import Vocabulary

TEST_STEMS = (*SUBTASKS.values(), BOTH_TEST)


class Reading(NamedTuple):
    """The entities that the texts of a file name and describe."""

    named: Occurrences
    """The full names in text order, then the surnames that stand alone in text order."""
    described: Occurrences
    """In text order."""
    surely: Occurrences
    """Those in `described` that are beyond doubt."""


@dataclass(frozen=True, slots=True)
class EntityReader:
    """Recognises entities in texts by their names and clues."""

    known: KnownNames
    clues: Clues

    @classmethod
    def of(cls, known: KnownNames, samples: Sequence[Sample], more: Sample | None = None) -> "EntityReader":
        """A reader with the clues of sample texts; see `learn_clues`."""
        return cls(known, learn_clues(known, samples, more))

    def read(self, file: NumberedFile) -> Reading:
        """The entities that each example names, in full or by a surname that only one has, and those it describes."""
        texts, mentions = without_names(self.known, file.texts)
        surnames = self._lone_surnames(file._replace(texts=texts))
        texts.words[surnames.places] = NAME
        named = Occurrences(*map(np.append, mentions, surnames))
        pairs = self.clues.pairs.anywhere_in(texts)
        described = Occurrences(texts.text_at(pairs.places), self.clues.owners[pairs.phrases], pairs.places)
        is_sure = self.clues.is_strong[pairs.phrases]
        return Reading(named, described, Occurrences(*(column[is_sure] for column in described)))

    def _lone_surnames(self, file: NumberedFile) -> Occurrences:
        """Surnames that stand alone, with a capital letter: "Lee" may be a name, "the lee side" is not."""
        texts = file.texts
        places = np.flatnonzero(np.isin(texts.words, list(self.clues.surnames)))
        numbers = texts.text_at(places)
        is_capital = np.zeros(len(places), bool)
        for index, (place, number) in enumerate(zip(places.tolist(), numbers.tolist(), strict=True)):
            words = WORD.findall(file.examples[number].text)
            first, last = texts.starts[number : number + 2].tolist()
            is_capital[index] = len(words) == last - first and words[place - first][0].isupper()
        places = places[is_capital]
        names = [self.clues.surnames[word] for word in texts.words[places].tolist()]
        return Occurrences(numbers[is_capital], np.array(names, np.int64), places)


@dataclass(frozen=True, slots=True)
class BenchmarkEntities:
    """The entities of a benchmark, their groups, and the reader that recognises them."""

    targets: dict[Group, set[str]]
    groups: dict[str, Group]
    """Name -> group."""
    reader: EntityReader

    @classmethod
    def of(cls, files: Mapping[str, NumberedFile], vocabulary: Vocabulary) -> "BenchmarkEntities":
        """An entity has the group of the test file that asks about it. Test files of any size have equal weight."""
        targets = group_targets({stem: file.examples for stem, file in files.items()})
        groups = {name: group for group, names in targets.items() for name in sorted(names)}
        tests = [files[stem] for stem in TEST_STEMS if stem in files and files[stem].examples]
        samples = [Sample(file.texts, 1 / len(file.examples)) for file in tests]
        train = files[TRAIN]  # the one file that is about all three groups
        more = Sample(train.texts, len(targets) / len(train.examples))
        return cls(targets, groups, EntityReader.of(KnownNames.of(groups, vocabulary), samples, more))
