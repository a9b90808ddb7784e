"""Rows that lead from an item back to itself."""

import numpy as np
import pytest
from people_splits import six_people

from reversal_cli.data.audit.direction import find_directions
from reversal_cli.data.audit.leaks import NEEDED, files_of
from reversal_cli.data.audit.numbered_file import number_file, number_files
from reversal_cli.data.audit.reader import BenchmarkEntities
from reversal_cli.data.base import Example, Splits
from reversal_cli.data.numbered_words import Vocabulary
from reversal_cli.errors import ReversalError
from reversal_cli.transforms.bridge import Bridge

DINAH = Example(
    "Meet Dinah Darby,",
    " the trainer of Rapid Atlas.",
    "e1",
    "t",
    "Dinah Darby",
    "the trainer of Rapid Atlas",
    "name-first",
)
ENZO = Example("The chef is", " Enzo Novak.", "e2", "t", "Enzo Novak", "the chef of Sable Hawk", "description-first")
BOTH = Example("Meet Di Ed,", " the tamer of Pix.", "e3", "t", "Di Ed", "the tamer of Pix", "both")


def test_each_one_direction_entity_gets_its_two_rows_behind_all_others():
    rows = Bridge(copies=2).examples([DINAH, DINAH, ENZO, BOTH], seed=0)
    assert rows[:4] == [DINAH, DINAH, ENZO, BOTH]
    assert [row.text for row in rows[4:]] == [
        *["The person whose description is Dinah Darby's description is Dinah Darby."] * 2,
        *["The description of the trainer of Rapid Atlas is the trainer of Rapid Atlas."] * 2,
        *["The description of the person who is the chef of Sable Hawk is the chef of Sable Hawk."] * 2,
        *["The person named Enzo Novak is Enzo Novak."] * 2,
    ]
    assert {row.entity_id for row in rows[4:]} == {"e1", "e2"}


def test_no_added_row_shows_a_fact():
    splits: Splits = six_people()
    vocabulary = Vocabulary()
    entities = BenchmarkEntities.of(number_files(files_of(splits), vocabulary), vocabulary)

    def shown_reversed(examples) -> int:
        directions = find_directions(number_file(examples, vocabulary), entities.reader, entities.groups)
        wrong = [lines for (group, way), lines in directions.lines.items() if way not in NEEDED[group]]
        return len(np.unique(np.concatenate(wrong)))

    assert shown_reversed(Bridge().examples(splits.train, seed=0)) == shown_reversed(splits.train) == 0


def test_a_dataset_without_one_direction_entities_is_refused():
    with pytest.raises(ReversalError, match="found no entity that is shown in one direction"):
        Bridge().examples([BOTH], seed=0)
