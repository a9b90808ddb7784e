"""Blank infilling: the published layouts, the samplers, the mask by a double loop."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from reversal_cli.errors import ReversalError
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import IGNORE, BlankTokens, Draw, Item, Row, TokenIds
from reversal_cli.objectives.blanks import blank_batch, lay_out, prefix_mask, suffix_row
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.objectives.spans import (
    content_span,
    draw_sentence_spans,
    draw_single_span,
    draw_suffix_start,
    draw_token_spans,
    place_spans,
    poisson_weights,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "glm"
LAYOUTS = json.loads((REFERENCE / "abi_layouts.json").read_text())
SAMPLING = json.loads((REFERENCE / "abi_sampling.json").read_text())
IDS = json.loads((REFERENCE / "config.json").read_text())["special_ids"]
BLANKS = BlankTokens(IDS["mask"], IDS["smask"], IDS["gmask"], IDS["sop"], IDS["eop"], IDS["eos"])
GLM = TokenIds(
    pad=IDS["pad"],
    special=frozenset({IDS["cls"], IDS["eos"]}),
    two_row_positions=True,
    blanks=BLANKS,
    sentence_ends={20, 30},
)
ROTARY = dataclasses.replace(GLM, two_row_positions=False)


def row_of(length: int, **fields) -> Row:
    """`[CLS] 10 11 12 ... eos` of `length` tokens."""
    return Row((IDS["cls"], *range(10, 8 + length), IDS["eos"]), 3, **fields)


def draw(indices, epoch=0, seed=0) -> Draw:
    return Draw(seed, epoch, tuple(indices))


@pytest.mark.parametrize("published", LAYOUTS, ids=lambda layout: layout["name"])
def test_the_layout_is_the_published_one(published):
    masks = {"bert": "mask", "gap_sentence": "smask" if published["name"].endswith("smask") else "mask"}
    mask = IDS[masks.get(published["task"], "gmask")]
    row = lay_out(published["tokens"], published["spans"], published["generation_order"], mask, BLANKS)
    batch = blank_batch([row], GLM, "after_mask")
    assert batch.input_ids[0].tolist() == published["input_ids"]
    assert batch.position_ids[0].tolist() == published["position_ids"]
    scored = np.array(published["loss_mask"], dtype=bool)
    assert batch.labels[0].tolist() == np.where(scored, published["targets"], IGNORE).tolist()
    assert row.prefix == published["sep"]


def test_the_mask_is_that_of_a_double_loop():
    """Part A sees part A; a token of part B sees part A, the blanks written before, and its own from the left."""
    first = lay_out(row_of(22).input_ids, [(3, 6), (10, 12)], [1, 0], BLANKS.mask, BLANKS)
    second = lay_out(row_of(9).input_ids, [(2, 4)], [0], BLANKS.mask, BLANKS)
    batch = blank_batch([first, second], GLM, "after_mask")
    for index, row in enumerate((first, second)):
        length = len(row.input_ids)
        for query in range(batch.input_ids.shape[1]):
            for key in range(batch.input_ids.shape[1]):
                in_part_a, written_before = key < row.prefix, key <= query
                expected = key < length and (in_part_a or written_before)
                assert batch.attention_mask[index, 0, query, key] == expected


def test_a_prefix_of_nothing_is_a_causal_mask():
    mask = prefix_mask(np.array([[True] * 4 + [False]]), np.array([0]))
    assert np.array_equal(mask[0, 0, :, :4], np.tril(np.ones((5, 4), dtype=bool)))
    assert not mask[0, 0, :, 4].any()


@pytest.mark.parametrize(
    ("choice", "expected"), [("after_mask", [0, 1, 2, 3, 3, 4, 5]), ("after_text", [0, 1, 2, 3, 4, 5, 6])]
)
def test_a_rotary_model_gets_one_row_of_positions(choice, expected):
    row = lay_out((IDS["cls"], 10, 11, 12, IDS["eos"]), [(2, 4)], [0], BLANKS.mask, BLANKS)
    assert row.text_positions == (0, 1, 2, 3, 2, 2, 2)
    assert blank_batch([row], ROTARY, choice).position_ids.tolist() == [expected]


def test_the_end_of_a_text_is_asked_for_without_eos_where_there_is_a_long_mask():
    ids = (IDS["cls"], 10, 11, 12, IDS["eos"])
    long, short = suffix_row(ids, 2, BLANKS.long_mask, BLANKS), suffix_row(ids, 2, None, BLANKS)
    assert long.input_ids == (IDS["cls"], 10, IDS["gmask"], IDS["sop"], 11, 12)
    assert long.labels == (IGNORE,) * 3 + (11, 12, IDS["eop"])
    assert short.input_ids == (IDS["cls"], 10, IDS["mask"], IDS["eos"], IDS["sop"], 11, 12)


def test_ntp_on_glm_writes_the_text_from_its_second_token_on_in_one_blank():
    row = Row((IDS["cls"], 10, 11, 12, 13, IDS["eos"]), completion_start=4)
    batch = Ntp().collate([row], GLM, draw([0]))
    assert batch.input_ids.tolist() == [[IDS["cls"], 10, IDS["gmask"], IDS["sop"], 11, 12, 13]]
    assert batch.labels.tolist() == [[IGNORE] * 3 + [11, 12, 13, IDS["eop"]]]
    assert batch.position_ids.tolist() == [[[0, 1, 2, 2, 2, 2, 2], [0, 0, 0, 1, 2, 3, 4]]]
    completion = Ntp(loss_on="completion").collate([row], GLM, draw([0]))
    assert completion.labels.tolist() == [[IGNORE] * 5 + [13, IDS["eop"]]]


def test_ntp_on_glm_is_causal_when_asked():
    row = Row((IDS["cls"], 10, 11, IDS["eos"]), completion_start=2)
    batch = Ntp(glm_form="causal").collate([row], GLM, draw([0]))
    assert batch.input_ids.tolist() == [[IDS["cls"], 10, 11, IDS["eos"]]]
    assert batch.labels.tolist() == [[10, 11, IDS["eos"], IGNORE]]
    assert batch.position_ids.tolist() == [[[0, 1, 2, 3], [0, 0, 0, 0]]]


def test_span_lengths_have_the_published_weights():
    published = np.array(SAMPLING["poisson_pmf_1_to_39"])
    np.testing.assert_allclose(poisson_weights(3.0), published / published.sum(), rtol=1e-12)


@pytest.mark.parametrize("traced", SAMPLING["sample_spans_trace_seed0"], ids=lambda traced: traced["total"])
def test_spans_are_placed_as_in_the_published_sampler(traced):
    spans, lengths = traced["spans"], traced["lengths"]
    places = [start - 1 - sum(length + 1 for length in lengths[:j]) for j, (start, _) in enumerate(spans)]
    free = traced["total"] - 2 - sum(lengths) - len(lengths) + 1
    assert places == sorted(places) and places[0] >= 0 and places[-1] <= free
    assert place_spans(lengths, places[::-1], 1) == [tuple(span) for span in spans]


def test_random_spans_never_touch_lie_in_the_content_and_reach_the_ratio():
    generator = np.random.default_rng(0)
    for length in (3, 4, 5, 8, 15, 40, 100):
        for _ in range(300):
            spans = draw_token_spans((1, length - 1), length, 0.15, 3.0, generator)
            assert spans and spans[0][0] >= 1 and spans[-1][1] <= length - 1
            assert all(start < stop for start, stop in spans)
            assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))
            if length >= 40:
                masked = sum(stop - start for start, stop in spans)
                assert masked >= int(0.15 * length) > masked - max(stop - start for start, stop in spans)


def test_places_are_uniform():
    """One span of one token among five places: each 1/5."""
    generator = np.random.default_rng(0)
    starts = [place_spans([1], [int(generator.integers(0, 5))], 1)[0][0] for _ in range(5000)]
    assert np.abs(np.bincount(starts, minlength=6)[1:] / 5000 - 0.2).max() < 0.03


def test_sentences_are_blanked_whole():
    row = Row((IDS["cls"], 10, 20, 11, 12, 13, 14, 30, 15, IDS["eos"]), 1)
    seen = set()
    for seed in range(50):
        spans = draw_sentence_spans(row, content_span(row, GLM), GLM, 0.3, np.random.default_rng(seed))
        assert set(spans) <= {(1, 3), (3, 8), (8, 9)}
        assert sum(stop - start for start, stop in spans) >= 3
        seen.add(tuple(spans))
    assert len(seen) > 1


def test_single_spans_have_uniform_lengths_and_suffixes_uniform_starts():
    generator = np.random.default_rng(0)
    spans = [draw_single_span((1, 41), 12, generator) for _ in range(12000)]
    assert min(start for start, _ in spans) == 1 and max(stop for _, stop in spans) == 41
    shares = np.bincount([stop - start for start, stop in spans])[1:] / len(spans)
    assert len(shares) == 12 and np.abs(shares - 1 / 12).max() < 0.01
    starts = [draw_suffix_start((1, 6), generator) for _ in range(4000)]
    assert np.abs(np.bincount(starts)[2:] / 4000 - 0.25).max() < 0.03
    assert draw_suffix_start((1, 2), generator) == 1


def test_the_share_of_suffix_blanks_is_the_asked_one():
    objective = Abi(suffix_share=0.4)
    rows = [row_of(20)] * 50
    suffixes = sum(
        int((objective.collate(rows, GLM, draw(range(50), epoch)).input_ids == IDS["gmask"]).sum())
        for epoch in range(60)
    )
    assert abs(suffixes / 3000 - 0.4) < 0.03


@pytest.mark.parametrize("policy", ["single", "random", "entity"])
def test_a_row_can_be_put_together_again_from_its_parts(policy):
    objective = Abi(span_policy=policy, token_share=0.4, sentence_share=0.3)
    for epoch in range(150):
        row = row_of(18, items=(Item("name", (1, 3)), Item("description", (9, 14))))
        batch = objective.collate([row], GLM, draw([7], epoch))
        ids, labels, rows = batch.input_ids[0], batch.labels[0], batch.position_ids[0]
        prefix = int((rows[1] == 0).sum())
        text = {index: [int(token)] for index, token in enumerate(ids[:prefix])}
        for index in range(prefix, len(ids)):
            if rows[1, index] == 1:
                assert ids[index] == IDS["sop"]
                text[rows[0, index]] = []
            text[rows[0, index]].append(int(labels[index]))
        joined = [token for index in range(prefix) for token in text[index] if token != IDS["eop"]]
        # The end of a text may be asked for without its eos, which then is what eop says.
        assert joined in ([*row.input_ids], [*row.input_ids[:-1]])


def test_entities_are_blanked_whole():
    objective = Abi(span_policy="entity", suffix_share=0)
    row, blanked = row_of(18, items=(Item("name", (1, 3)), Item("description", (9, 14)))), set()
    for epoch in range(40):
        batch = objective.collate([row], GLM, draw([0], epoch))
        blanked.add(tuple(batch.labels[0][batch.labels[0] != IGNORE].tolist()))
    assert blanked == {(10, 11, IDS["eop"]), (18, 19, 20, 21, 22, IDS["eop"])}


def test_entities_that_no_row_has_are_refused_before_the_training():
    Abi().check([row_of(5)])
    with pytest.raises(ReversalError, match="training row 2 has neither its name nor its description"):
        Abi(span_policy="entity").check([row_of(5, items=(Item("name", (1, 2)),)), row_of(5)])


RANDOM = {"span_policy": "random", "token_share": 0.4, "sentence_share": 0.3, "document_suffix_share": 0}


@pytest.mark.parametrize("kind", ["name", "description"])
@pytest.mark.parametrize("options", [{}, {"span_policy": "entity"}, RANDOM, RANDOM | {"mask_ratio": 0.9}])
def test_what_is_protected_is_blank_only_where_a_text_ends(options, kind):
    row = row_of(18, items=(Item("name", (1, 3)), Item("description", (9, 14))))
    others, ends = set(), set()
    for epoch in range(150):
        batch = Abi(**options, protect=kind).collate([row], GLM, draw([0], epoch))
        labels = {label for label in batch.labels[0].tolist() if label not in (IGNORE, IDS["eop"])}
        is_end = IDS["gmask"] in batch.input_ids[0] and options.get("span_policy") != "random"
        (ends if is_end else others).update(labels)
    protected = {"name": {10, 11}, "description": {18, 19, 20, 21, 22}}[kind]
    assert not others & protected
    assert others
    if ends:  # a question about the end of a text is no question about what comes before
        assert {18, 19, 20, 21, 22} <= ends


def test_protection_leaves_the_share_of_the_blanks_that_end_a_row():
    row = row_of(18, items=(Item("name", (1, 3)), Item("description", (9, 14))))
    for kind in ("none", "description"):
        objective = Abi(protect=kind)
        ends = sum(
            int((objective.collate([row] * 50, GLM, draw(range(50), epoch)).input_ids == IDS["gmask"]).sum())
            for epoch in range(60)
        )
        assert abs(ends / 3000 - 0.4) < 0.03


@pytest.mark.parametrize(
    "options",
    [
        {"suffix_share": 1},
        {"span_policy": "entity", "suffix_share": 1},
        {"span_policy": "random", "token_share": 0, "document_suffix_share": 1},
    ],
)
def test_protection_has_no_effect_where_every_blank_ends_its_row(options):
    assert "protect" in Abi(**options).unused("glm")
    assert "protect" not in Abi(**options | {"suffix_share": 0.4, "document_suffix_share": 0.5}).unused("glm")


def test_protecting_nothing_draws_the_blanks_that_were_drawn_before_it_could_be_asked_for():
    row = row_of(18, items=(Item("name", (1, 3)),))
    for epoch in range(20):
        batch = Abi(suffix_share=0).collate([row], GLM, draw([0], epoch))
        generator = draw([0], epoch).row_generator(0)
        generator.random()  # the coin of suffix_share
        span = draw_single_span((1, 17), 12, generator)
        assert batch.labels[0][batch.labels[0] != IGNORE].tolist() == [*row.input_ids[slice(*span)], IDS["eop"]]


def test_a_row_of_nothing_but_its_protected_name_gets_an_empty_blank():
    row = Row((103, 10, 11, 100), 1, (Item("name", (1, 3)),))
    labels = Abi(suffix_share=0, protect="name").collate([row], GLM, draw([0])).labels
    assert labels[labels != IGNORE].tolist() == [IDS["eop"]]


def test_a_protected_name_that_a_row_does_not_have_is_refused():
    with pytest.raises(ReversalError, match=r"objective\.protect: training row 1 does not have its name"):
        Abi(protect="name").check([row_of(5)])


@pytest.mark.parametrize("ids", [[103, 100], [103, 10, 100], [103, 10, 11, 100], [100], [10, 100]])
@pytest.mark.parametrize("policy", ["single", "random"])
def test_the_shortest_rows_have_a_label_too(policy, ids):
    for epoch in range(40):
        for shares in ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0)):
            objective = Abi(span_policy=policy, token_share=shares[0], sentence_share=shares[1])
            batch = objective.collate([Row(tuple(ids), 1)], GLM, draw([0], epoch))
            assert (batch.labels != IGNORE).any()


def test_without_task_masks_every_blank_is_a_plain_mask():
    for options in ({"span_policy": "random", "token_share": 0.3, "sentence_share": 0.3}, {"suffix_share": 0.5}):
        objective = Abi(task_masks=False, **options)
        for epoch in range(60):
            ids = objective.collate([row_of(18)], GLM, draw([0], epoch)).input_ids
            assert not np.isin(ids, [IDS["gmask"], IDS["smask"]]).any()
            assert (ids == IDS["mask"]).any()


def test_spans_of_a_row_do_not_depend_on_its_neighbours():
    objective = Abi()
    rows = [row_of(20), row_of(30), row_of(12)]
    together = objective.collate(rows, GLM, draw([5, 6, 7]))
    alone = objective.collate(rows[2:], GLM, draw([7]))
    assert np.array_equal(together.input_ids[2, : alone.input_ids.shape[1]], alone.input_ids[0])


@pytest.mark.parametrize(
    "options", [{"suffix_share": 1.1}, {"max_span": 0}, {"token_share": 0.8, "sentence_share": 0.3}, {"loss_on": "x"}]
)
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(ValidationError):
        Abi(**options)
