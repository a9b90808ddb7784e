"""Permutation language modelling: its batch by hand and by loops, and what reaches a prediction in the networks."""

import dataclasses

import numpy as np
import pytest
import torch
from test_objectives import FAMILIES, TOKENS, draw, many_rows
from test_training import spec_for

from reversal_cli.models.loading import load_for_training
from reversal_cli.objectives.base import IGNORE, Item, PromptLayout, Row
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.objectives.plm import Plm, permuted_batch
from reversal_cli.training.preparation import prepare_model

ROW = Row((1, 7, 8, 9, 2), completion_start=3)
ORDER = np.array([3, 1, 4, 2])
SHORT = Row((1, 5, 2), 1)


def seen(batch, row: int = 0) -> list[list[int]]:
    return [np.flatnonzero(keys).tolist() for keys in batch.attention_mask[row, 0]]


def test_the_batch_is_the_one_made_by_hand():
    batch = permuted_batch([ROW], [ORDER], TOKENS)
    assert batch.input_ids.tolist() == [[1, 7, 8, 9, 2, 0, 0, 0, 0]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 4, 1, 2, 3, 4]]
    assert batch.labels.tolist() == [[IGNORE] * 5 + [7, 8, 9, 2]]
    assert batch.lengths.tolist() == [9]
    content = [[0], [0, 1, 3], [0, 1, 2, 3, 4], [0, 3], [0, 1, 3, 4]]
    queries = [[0, 3], [0, 1, 3, 4], [0], [0, 1, 3]]
    assert seen(batch) == content + queries


def slow_mask(rows: list[Row], orders: list[list[int]], width: int) -> np.ndarray:
    """bool [b, s, s], query by query and key by key."""
    mask = np.zeros((len(rows), width, width), dtype=bool)
    for index, (row, order) in enumerate(zip(rows, orders, strict=True)):
        length = len(row.input_ids)
        come = [0, *order]  # the first token, then the others as they come
        for query in range(width):
            for key in range(length):
                if query < length:
                    mask[index, query, key] = come.index(key) <= come.index(query)
                elif query < 2 * length - 1:
                    mask[index, query, key] = come.index(key) < come.index(query - length + 1)
                else:
                    mask[index, query, key] = key == 0
    return mask


@pytest.mark.parametrize("family", FAMILIES)
def test_the_mask_is_that_of_a_loop_over_queries_and_keys(family):
    generator = np.random.default_rng(0)
    for _ in range(20):
        rows = [Row((1, *range(10, 10 + generator.integers(0, 9)), 2), 1) for _ in range(3)]
        orders = [1 + generator.permutation(len(row.input_ids) - 1) for row in rows]
        batch = permuted_batch(rows, orders, FAMILIES[family])
        expected = slow_mask(rows, [order.tolist() for order in orders], batch.input_ids.shape[1])
        assert np.array_equal(batch.attention_mask[:, 0], expected)


def test_a_glm_counts_the_positions_of_both_streams_in_the_text():
    batch = permuted_batch([ROW], [ORDER], FAMILIES["glm"])
    assert batch.position_ids.tolist() == [[[0, 1, 2, 3, 4, 1, 2, 3, 4], [0] * 9]]


def test_the_share_of_next_token_batches_falls_per_batch():
    permuted = 0
    for index in range(1000):
        batch = Plm(ntp_share=0.3).collate([ROW, SHORT], TOKENS, draw(indices=(index, index + 1)))
        permuted += batch.attention_mask.ndim == 4
    assert abs(permuted / 1000 - 0.7) < 0.05


@pytest.mark.parametrize("family", FAMILIES)
def test_a_share_of_one_is_ntp(family):
    for epoch in range(5):
        ours, ntp = (
            objective.collate([ROW, SHORT], FAMILIES[family], draw(epoch))
            for objective in (Plm(ntp_share=1), Ntp(glm_form="causal"))
        )
        for field in ("input_ids", "attention_mask", "position_ids", "labels"):
            assert np.array_equal(getattr(ours, field), getattr(ntp, field)), field


def test_every_token_is_first_in_the_order_equally_often():
    rows = many_rows(4000, length=3)
    batch = Plm(ntp_share=0).collate(rows, TOKENS, draw(indices=range(4000)))
    first = (batch.attention_mask[:, 0, 5:].sum(axis=-1) == 1).argmax(axis=1)  # the placeholder that sees one token
    assert np.allclose(np.bincount(first, minlength=4) / 4000, 0.25, atol=0.03)


def test_the_order_of_a_row_does_not_depend_on_its_neighbours():
    rows = many_rows(3)
    batch = Plm(ntp_share=0).collate(rows, TOKENS, draw(indices=(5, 6, 7)))
    other = Plm(ntp_share=0).collate(rows[:2], TOKENS, draw(indices=(5, 7)))
    assert np.array_equal(batch.attention_mask[2], other.attention_mask[1])


def test_the_options_decide_attention_and_what_is_unused():
    assert Plm().rotary_attention == "mirrored" and not Plm().masks_attention
    assert Plm(positions="plain").rotary_attention == "stock" and Plm(positions="plain").masks_attention
    assert Plm().prompt_layout(TOKENS) == PromptLayout() and Plm().extra_tokens == 0
    assert Plm().unused("rotary") == {} and list(Plm().unused("glm")) == ["positions"]
    why = "it is for batches in a random order, and ntp_share is 1"
    assert Plm(ntp_share=1).unused("rotary") == {"positions": why, "protect": why}


def test_what_is_protected_is_read_in_a_random_order_and_never_predicted():
    row = dataclasses.replace(ROW, items=(Item("name", (1, 2)), Item("description", (2, 4))))
    for kind, labels in (("name", [IGNORE, 8, 9, 2]), ("description", [7, IGNORE, IGNORE, 2])):
        batch = Plm(ntp_share=0, protect=kind).collate([row], TOKENS, draw())
        plain = Plm(ntp_share=0).collate([row], TOKENS, draw())
        assert batch.labels.tolist() == [[IGNORE] * 5 + labels]
        assert np.array_equal(batch.attention_mask, plain.attention_mask)


def network_of(checkpoint: str, options: dict, request):
    """A network ready to train, without dropout, and its tokens."""
    folder = request.getfixturevalue(f"{checkpoint}_checkpoint")
    spec = spec_for(folder, {"name": "plm", **options}, tuning="full")
    loaded = load_for_training(spec)
    return prepare_model(loaded, spec).eval(), loaded.tokens


def arguments(batch) -> dict[str, torch.Tensor]:
    names = ("input_ids", "attention_mask", "position_ids")
    return {name: torch.from_numpy(getattr(batch, name)) for name in names}


CASES = [("llama", {}), ("llama", {"positions": "plain"}), ("qwen", {}), ("glm4", {}), ("glm", {})]
ROWS = [Row((1, 7, 8, 9, 2), 1), Row((1, 11, 5, 12, 6, 30, 2), 1)]
ORDERS = [ORDER, np.array([4, 6, 2, 1, 5, 3])]


@pytest.mark.parametrize(("checkpoint", "options"), CASES, ids=str)
def test_a_prediction_is_reached_by_what_comes_before_it_in_the_order_and_by_nothing_else(checkpoint, options, request):
    model, tokens = network_of(checkpoint, options, request)
    batch = permuted_batch(ROWS, ORDERS, tokens)
    embedded = []

    def keep(module, args, output):
        embedded.append(output.detach().requires_grad_())
        return embedded[-1]

    hook = model.get_input_embeddings().register_forward_hook(keep)
    logits = model(**arguments(batch), use_cache=False).logits  # [b, s, v]
    hook.remove()
    weights = torch.linspace(-1, 1, logits.shape[-1])
    for index, (row, order) in enumerate(zip(ROWS, ORDERS, strict=True)):
        length = len(row.input_ids)
        for place, token in enumerate(order.tolist()):
            query = length + token - 1
            (gradient,) = torch.autograd.grad((logits[index, query] * weights).sum(), embedded[0], retain_graph=True)
            reached = (gradient != 0).any(dim=-1)  # [b, s]
            assert reached[index].nonzero().flatten().tolist() == sorted([0, *order[:place].tolist(), query])
            assert not reached[1 - index].any()
            assert batch.labels[index, query] == row.input_ids[token]


@pytest.mark.parametrize(("checkpoint", "options"), CASES, ids=str)
@torch.no_grad()
def test_which_token_is_ahead_is_a_matter_of_positions_and_not_of_places(checkpoint, options, request):
    """The tokens of both streams in any other order, with their positions and masks, give the same logits."""
    model, tokens = network_of(checkpoint, options, request)
    batch = permuted_batch(ROWS, ORDERS, tokens)
    logits = model(**arguments(batch), use_cache=False).logits
    places = np.random.default_rng(0).permutation(batch.input_ids.shape[1])
    moved = dataclasses.replace(
        batch,
        input_ids=batch.input_ids[:, places],
        position_ids=batch.position_ids[..., places],
        attention_mask=batch.attention_mask[:, :, places][..., places],
    )
    torch.testing.assert_close(
        model(**arguments(moved), use_cache=False).logits, logits[:, places], rtol=1e-4, atol=1e-5
    )
