"""Batches of random rows, against the same batches written token by token."""

import numpy as np
import pytest
from test_objectives import BOS, EOS, PAD, TOKENS

from reversal_cli.objectives.base import IGNORE, Batch, Row
from reversal_cli.objectives.bico import hidden_inputs_batch
from reversal_cli.objectives.fim import Fim
from reversal_cli.objectives.masked_ft import copied_batch
from reversal_cli.objectives.masking import denoising_batch
from reversal_cli.objectives.mlm_u import LARGEST_WEIGHT, MlmU
from reversal_cli.objectives.prefix_lm import prefix_batch

PRE, SUF, MID = 95, 96, 97
SEEDS = pytest.mark.parametrize("seed", range(5))


def random_rows(generator: np.random.Generator) -> list[Row]:
    return [
        Row((BOS, *generator.integers(10, 90, generator.integers(1, 9)).tolist(), EOS), 1)
        for _ in range(int(generator.integers(1, 5)))
    ]


def random_masks(rows: list[Row], generator: np.random.Generator) -> list[np.ndarray]:
    """Some indices of each row's content."""
    return [1 + np.flatnonzero(generator.random(len(row.input_ids) - 2) < 0.4) for row in rows]


def assert_is(batch: Batch, ids: list[list[int]], labels: list[list[int]], sees) -> None:
    """sees: (row, query, key) -> whether a token of the row sees a real token."""
    width = max(map(len, ids))
    assert batch.lengths.tolist() == [len(row) for row in ids]
    for index, row in enumerate(ids):
        assert batch.input_ids[index].tolist() == row + [PAD] * (width - len(row))
        assert batch.labels[index].tolist() == labels[index] + [IGNORE] * (width - len(row))
        mask = batch.attention_mask[index]
        for query in range(len(row)):
            for key in range(width):
                seen = mask[key] and key <= query if mask.ndim == 1 else mask[0, query, key]
                assert seen == (key < len(row) and sees(index, query, key)), (index, query, key)


def causal(index: int, query: int, key: int) -> bool:
    return key <= query


@SEEDS
def test_a_masked_copy_stands_before_its_text(seed):
    generator = np.random.default_rng(seed)
    rows = random_rows(generator)
    ids, labels, copies = [], [], []
    for row, masked in zip(rows, random_masks(rows, generator), strict=True):
        copy = [TOKENS.extra[0] if index in masked else token for index, token in enumerate(row.input_ids)]
        text = list(row.input_ids[1:])
        ids.append([*copy[:-1], TOKENS.extra[1], *text])
        labels.append([IGNORE] * len(copy[:-1]) + text + [IGNORE])
        copies.append(np.array(copy))
    assert_is(copied_batch(rows, copies, TOKENS), ids, labels, causal)


@SEEDS
@pytest.mark.parametrize("suffix_first", [False, True])
def test_the_pieces_of_a_moved_row_put_together_are_the_row(seed, suffix_first):
    generator = np.random.default_rng(seed)
    for row in random_rows(generator):
        first, stop = sorted(generator.integers(1, len(row.input_ids), 2).tolist())
        moved = list(Fim().move(row, (first, stop), TOKENS, suffix_first).input_ids)
        assert (moved[0], moved[1], moved[-1]) == (BOS, PRE, EOS)
        suffix, middle = moved.index(SUF), moved.index(MID)
        after = moved[suffix + 1 : middle]
        written = moved[middle + 1 : -1]
        assert suffix == 2 or not suffix_first
        before = written[: first - 1] if suffix_first else moved[2:suffix]
        piece = written[first - 1 :] if suffix_first else written
        assert piece == list(row.input_ids[first:stop])
        assert (BOS, *before, *piece, *after, EOS) == row.input_ids


@SEEDS
def test_a_prefix_sees_itself_and_the_rest_what_came_before(seed):
    generator = np.random.default_rng(seed)
    rows = random_rows(generator)
    splits = [int(generator.integers(1, len(row.input_ids))) for row in rows]
    labels = []
    for row, split in zip(rows, splits, strict=True):
        following = [*row.input_ids[1:], IGNORE]
        labels.append([token if index + 1 >= split else IGNORE for index, token in enumerate(following)])

    def sees(index: int, query: int, key: int) -> bool:
        return key <= query or (query < splits[index] and key < splits[index])

    assert_is(prefix_batch(rows, splits, TOKENS), [list(row.input_ids) for row in rows], labels, sees)


@SEEDS
def test_what_is_hidden_in_a_causal_or_a_denoising_batch_is_seen_by_no_token(seed):
    generator = np.random.default_rng(seed)
    rows = random_rows(generator)
    masked = random_masks(rows, generator)
    ids = [
        [PAD if index in chosen else token for index, token in enumerate(row.input_ids)]
        for row, chosen in zip(rows, masked, strict=True)
    ]
    following = [[*row.input_ids[1:], IGNORE] for row in rows]
    assert_is(
        hidden_inputs_batch(rows, TOKENS, masked),
        ids,
        following,
        lambda index, query, key: key <= query and key not in masked[index],
    )
    asked = [
        [token if index + 1 in chosen else IGNORE for index, token in enumerate(row)]
        for row, chosen in zip(following, masked, strict=True)
    ]
    assert_is(denoising_batch(rows, TOKENS, masked), ids, asked, lambda index, query, key: key not in masked[index])


@SEEDS
def test_a_label_of_mlm_u_weighs_one_over_the_rate_of_its_row(seed):
    generator = np.random.default_rng(seed)
    rows = random_rows(generator)
    masked, rates = random_masks(rows, generator), generator.uniform(0.01, 1, len(rows)).tolist()
    batch = MlmU().weighted_batch(rows, TOKENS, masked, rates)
    assert batch.normalizer == sum(len(row.input_ids) for row in rows)
    ids, labels = [], []
    for row, chosen in zip(rows, masked, strict=True):
        ids.append([PAD if index in chosen else token for index, token in enumerate(row.input_ids)])
        labels.append([token if index in chosen else IGNORE for index, token in enumerate(row.input_ids)])
    assert_is(batch, ids, labels, lambda index, query, key: key not in masked[index])
    for index, chosen in enumerate(masked):
        for place in chosen:
            assert batch.weights[index, place] == pytest.approx(min(1 / rates[index], LARGEST_WEIGHT))
