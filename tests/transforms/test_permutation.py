"""SPT: the worked example, the chunks of a row, and the three orders."""

import dataclasses
from collections import Counter

import numpy as np

from reversal_cli.objectives.base import IGNORE, Draw, Item, Row, TokenIds
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.transforms.spt import Spt, permuted, rule_chunks

TOKENS = TokenIds(pad=0, special=frozenset({0, 1, 2}))
ROW = Row((1, 7, 8, 9, 2), 3, (Item("name", (1, 2)), Item("description", (2, 4))))


def test_the_worked_example():
    chunks = rule_chunks(ROW, TOKENS)
    assert chunks == [(1, 2), (2, 4)]
    row = permuted(ROW, chunks[::-1])
    batch = Ntp().collate([row], TOKENS, Draw(0, 0, (0,)))
    assert batch.input_ids.tolist() == [[1, 8, 9, 7, 2]]
    assert batch.labels.tolist() == [[8, 9, 7, 2, IGNORE]]
    assert row.items == (Item("description", (1, 3)), Item("name", (3, 4)))


def test_chunks_end_at_the_content_the_items_and_the_completion():
    row = Row((1, 4, 5, 6, 7, 8, 9, 2), 5, (Item("name", (2, 4)),))
    assert rule_chunks(row, TOKENS) == [(1, 2), (2, 4), (4, 5), (5, 7)]


def test_items_that_overlap_are_one_chunk():
    row = Row((1, 4, 5, 6, 7, 8, 2), 1, (Item("name", (2, 4)), Item("description", (3, 5))))
    assert rule_chunks(row, TOKENS) == [(1, 2), (2, 5), (5, 6)]


def test_a_row_without_content_stays_as_it_is():
    row = Row((1, 2), 1)
    assert all(Spt().row(row, TOKENS, np.random.default_rng(seed)) == row for seed in range(20))


def test_each_order_has_a_third_of_the_drawings():
    row = Row((1, *range(10, 18), 2), 5, (Item("name", (2, 4)), Item("description", (6, 8))))
    chunks = rule_chunks(row, TOKENS)
    drawn = Counter(Spt().row(row, TOKENS, np.random.default_rng(seed)).input_ids for seed in range(3000))
    backwards = permuted(row, chunks[::-1]).input_ids
    for ids in (row.input_ids, backwards):  # a random order of so many chunks is seldom one of the two
        assert abs(drawn[ids] / 3000 - 1 / 3) < 0.04
    assert len(drawn) > 50


def test_two_chunks_at_random_are_as_they_are_or_backwards():
    drawn = Counter(Spt().row(ROW, TOKENS, np.random.default_rng(seed)).input_ids for seed in range(3000))
    assert set(drawn) == {(1, 7, 8, 9, 2), (1, 8, 9, 7, 2)}
    assert abs(drawn[1, 7, 8, 9, 2] / 3000 - 1 / 2) < 0.04


def test_chunks_move_whole_and_nothing_is_lost():
    row = Row((1, *range(10, 18), 2), 5, (Item("name", (2, 4)), Item("description", (6, 8))))
    for seed in range(200):
        drawn = Spt().row(row, TOKENS, np.random.default_rng(seed))
        assert sorted(drawn.input_ids) == sorted(row.input_ids)
        for item, ids in (("name", (11, 12)), ("description", (15, 16))):
            (span,) = (found.span for found in drawn.items if found.kind == item)
            assert drawn.input_ids[slice(*span)] == ids


def test_a_moved_row_has_no_prompt():
    assert permuted(ROW, [(2, 4), (1, 2)]).completion_start == 1
    assert permuted(ROW, [(1, 2), (2, 4)]) == ROW
    assert dataclasses.replace(ROW, completion_start=1) != ROW
