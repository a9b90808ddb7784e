"""What holds for every input, tried on inputs that nobody thought of."""

import itertools
import json
import string
import tomllib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reversal_cli.data.berglund import load_rows
from reversal_cli.data.name_description.templates import TEMPLATES, fill
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import LARGEST
from reversal_cli.objectives.base import IGNORE, Row, TokenIds
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.masking import denoising_batch
from reversal_cli.objectives.spans import content_span, draw_sentence_spans, draw_single_span, draw_token_spans
from reversal_cli.scoring import score_all
from reversal_cli.scoring.matching import contains, exact_match, startswith
from reversal_cli.spec.toml import flatten, parse_value, write_toml, write_value
from reversal_cli.statistics.estimate import estimate
from reversal_cli.training.batching import BatchPlan

TOKENS = TokenIds(pad=0, special=frozenset({0, 1, 2}), sentence_ends=frozenset({5}))
ROWS = st.lists(st.integers(3, 60), min_size=1, max_size=40).map(lambda ids: Row((1, *ids, 2), 1))
SEEDS = st.integers(0, 2**32 - 1)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
WORDS = st.text(string.ascii_letters + " '-", min_size=1, max_size=20).map(str.strip).filter(bool)
quickly = settings(max_examples=200, deadline=None)


@quickly
@given(st.lists(st.integers(1, 200), min_size=1, max_size=150), st.integers(1, 40), st.integers(1, 3), SEEDS, st.data())
def test_an_epoch_has_every_row_once_and_a_plan_begins_alike_however_long_it_is(lengths, size, epochs, seed, data):
    plan = BatchPlan(lengths, size, epochs, seed)
    batches = list(plan)
    assert len(batches) == len(plan) == epochs * plan.batches_per_epoch
    assert Counter(key for batch in batches for key in batch) == Counter(
        (epoch, index) for epoch in range(epochs) for index in range(len(lengths))
    )
    assert all(1 <= len(batch) <= size and len({key.epoch for key in batch}) == 1 for batch in batches)
    steps = data.draw(st.integers(0, len(plan)))
    assert list(BatchPlan(lengths, size, epochs, seed, steps)) == batches[:steps]


@quickly
@given(st.lists(ROWS, min_size=1, max_size=5), st.sampled_from(["token", "span"]), st.floats(0, 1), SEEDS)
def test_masked_tokens_are_hidden_keys_with_a_label_before_them_and_nothing_else_is(rows, unit, probability, seed):
    generator = np.random.default_rng(seed)
    objective = Bico(unit=unit)
    masked = [objective.draw_masked(row, TOKENS, probability, generator) for row in rows]
    batch = denoising_batch(rows, TOKENS, masked)
    for index, (row, chosen) in enumerate(zip(rows, masked, strict=True)):
        assert len(chosen) >= 1 and sorted(set(chosen.tolist())) == chosen.tolist()
        assert all(0 < i < len(row.input_ids) and row.input_ids[i] not in TOKENS.special for i in chosen)
        assert np.flatnonzero(batch.labels[index] != IGNORE).tolist() == [i - 1 for i in chosen]
        assert [batch.labels[index, i - 1] for i in chosen] == [row.input_ids[i] for i in chosen]
        seen = batch.attention_mask[index, 0]
        visible = [i for i in range(len(row.input_ids)) if i not in chosen]
        assert np.flatnonzero(seen[: len(row.input_ids)].all(0)).tolist() == visible
        assert not seen[:, len(row.input_ids) :].any()


@quickly
@given(ROWS, st.floats(0, 1), st.floats(0.5, 20), SEEDS)
def test_spans_lie_in_the_content_in_order_and_token_spans_never_touch(row, ratio, mean, seed):
    content = content_span(row, TOKENS)
    generator = np.random.default_rng(seed)
    spans = draw_token_spans(content, len(row.input_ids), ratio, mean, generator)
    assert spans and content[0] <= spans[0][0] and spans[-1][1] <= content[1]
    assert all(start < stop for start, stop in spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))
    sentences = draw_sentence_spans(row, content, TOKENS, ratio, generator)
    assert sentences and all(before[1] <= after[0] for before, after in itertools.pairwise(sentences))
    start, stop = draw_single_span(content, 7, generator)
    assert content[0] <= start < stop <= min(content[1], start + 7)


@quickly
@given(st.sampled_from([*TEMPLATES["N2D"], *TEMPLATES["D2N"]]), WORDS, WORDS)
def test_a_filled_template_has_both_items_and_no_hole(template, name, description):
    prompt, completion = fill(template, name, description)
    assert completion.startswith(" ") and not prompt.endswith(" ")
    given_item, asked_item = (name, description) if template.direction == "N2D" else (description, name)
    assert given_item[1:] in prompt and completion == f" {asked_item}"
    assert "{" not in prompt + completion


@quickly
@given(TEXTS, TEXTS.filter(lambda text: any(letter.isalnum() for letter in text)), TEXTS)
def test_scores_lie_between_0_and_1_and_what_starts_with_the_target_contains_it(before, target, after):
    for completion in (before, before + target + after, target + after, target):
        scores = score_all(completion, target)
        assert all(0 <= score <= 1 for score in scores.values())
        assert startswith(completion, target) <= contains(completion, target)
    assert exact_match(target, target) == 1


@quickly
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60))
def test_an_interval_lies_between_0_and_1_and_holds_the_mean(rows):
    scores, entities, templates = zip(*rows, strict=True)
    for clusters in (None, [str(template) for template in templates]):
        found = estimate(scores, [str(entity) for entity in entities], clusters)
        assert found.mean == pytest.approx(sum(scores) / len(scores))
        if found.low is not None and found.high is not None:
            assert -1e-12 <= found.low <= found.mean + 1e-12 and found.mean - 1e-12 <= found.high <= 1 + 1e-12


PLAIN = st.one_of(
    st.booleans(), st.integers(-LARGEST, LARGEST), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
KEYS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
TABLES = st.dictionaries(
    KEYS, st.one_of(PLAIN, st.lists(PLAIN, max_size=4), st.dictionaries(KEYS, PLAIN, max_size=4)), max_size=5
)


@quickly
@given(PLAIN)
def test_a_value_is_read_as_it_was_written(value):
    assert repr(parse_value(write_value(value))) == repr(value)


@quickly
@given(TABLES)
def test_tables_are_read_as_they_were_written(tables):
    tables = {key: value for key, value in tables.items() if value != {}}  # an empty table says nothing
    found = tomllib.loads(write_toml(tables))
    assert repr(sorted(flatten(found))) == repr(sorted(flatten(tables)))


LINES = st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=8)


@quickly
@given(LINES)
def test_a_dataset_is_read_as_it_was_written(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("dataset") / "rows.jsonl"
    records = [{"prompt": a, "completion": f" {b}", "entity_id": c, "name": c} for a, b, c in lines]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    rows = load_rows(path)
    assert [(row.prompt, row.completion, row.entity_id) for row in rows] == [(a, f" {b}", c) for a, b, c in lines]


@quickly
@given(st.binary(max_size=200))
def test_any_bytes_are_a_dataset_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("dataset") / "rows.jsonl"
    path.write_bytes(content)
    try:
        load_rows(path)
    except ReversalError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
