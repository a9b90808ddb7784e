"""Whom texts name and whom they describe, by the words alone.

Never by the fields of a row, so that a reversed row cannot hide behind its labels, its case or a second sentence.
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
    """Whom the texts of a file name and whom they describe."""

    named: Occurrences
    """The full names in text order, then the surnames that stand alone in text order."""
    described: Occurrences
    """In text order."""
    surely: Occurrences
    """Those of the described whose description is beyond doubt."""


@dataclass(frozen=True, slots=True)
class DirectionJudge:
    known: KnownNames
    clues: Clues

    @classmethod
    def of(cls, known: KnownNames, samples: Sequence[Sample], more: Sample | None = None) -> "DirectionJudge":
        """A judge who has learned from sample texts what entities are called; see `learn_clues`."""
        return cls(known, learn_clues(known, samples, more))

    def read(self, file: NumberedFile) -> Reading:
        """Whom each row names, in full or by a surname that is theirs alone, and whom it describes."""
        texts, mentions = without_names(self.known, file.texts)
        surnames = self._lone_surnames(file._replace(texts=texts))
        texts.words[surnames.places] = NAME
        named = Occurrences(*map(np.append, mentions, surnames))
        found = self.clues.pairs.anywhere_in(texts)
        described = Occurrences(texts.text_at(found.places), self.clues.owners[found.phrases], found.places)
        is_sure = self.clues.is_strong[found.phrases]
        return Reading(named, described, Occurrences(*(column[is_sure] for column in described)))

    def _lone_surnames(self, file: NumberedFile) -> Occurrences:
        """Surnames that stand alone, with a capital letter: "Lee" may be a name, "the lee side" is not."""
        texts = file.texts
        places = np.flatnonzero(np.isin(texts.words, list(self.clues.surnames)))
        rows = texts.text_at(places)
        is_capital = np.zeros(len(places), bool)
        for number, (place, row) in enumerate(zip(places.tolist(), rows.tolist(), strict=True)):
            written = WORD.findall(file.rows[row].text)
            first, last = texts.starts[row : row + 2].tolist()
            is_capital[number] = len(written) == last - first and written[place - first][0].isupper()
        places = places[is_capital]
        names = [self.clues.surnames[word] for word in texts.words[places].tolist()]
        return Occurrences(rows[is_capital], np.array(names, np.int64), places)


@dataclass(frozen=True, slots=True)
class BenchmarkEntities:
    """Who a benchmark is about, and how its texts tell them apart."""

    targets: dict[Group, set[str]]
    groups: dict[str, Group]
    """Name -> group."""
    judge: DirectionJudge

    @classmethod
    def of(cls, files: Mapping[str, NumberedFile], vocabulary: Vocabulary) -> "BenchmarkEntities":
        """Group of an entity = which test file asks about it. A test file counts alike, whatever its number of rows."""
        targets = group_targets({stem: file.rows for stem, file in files.items()})
        groups = {name: group for group, names in targets.items() for name in sorted(names)}
        tests = [files[stem] for stem in TEST_STEMS if stem in files and files[stem].rows]
        samples = [Sample(file.texts, 1 / len(file.rows)) for file in tests]
        train = files[TRAIN]  # the one file that is about all three groups
        more = Sample(train.texts, len(targets) / len(train.rows))
        return cls(targets, groups, DirectionJudge.of(KnownNames.of(groups, vocabulary), samples, more))
