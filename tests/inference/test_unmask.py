"""Answers by unmasking: against plain loops over one row, for either family, and whatever the batch."""

import pytest
import torch
from pydantic import ValidationError
from test_denoise import PROMPTS, prepared

from reversal_cli.errors import ReversalError
from reversal_cli.inference.complete import as_prompt, complete_prompts
from reversal_cli.inference.decode import decode_greedily
from reversal_cli.inference.finite import NotFiniteError
from reversal_cli.inference.generate import encode_prompt
from reversal_cli.inference.unmask import LAST_TIME, tokens_per_step
from reversal_cli.objectives.mlm_u import MlmU

MASKGIT = {"name": "mlm-u", "placeholder": "learned", "eos_padding": 7, "decoder": "maskgit"}
LENGTH = 7
OPTIONS = [
    {"steps": 3},
    {"steps": 3, "guidance": 0.0},
    {"steps": 5, "positions": "plain"},
    {"steps": 1, "guidance": 2.0},
    {},
]
NO_END = frozenset({-1})


@torch.no_grad()
def logits_of(loaded, ids: list[int]) -> torch.Tensor:
    """float64 [s, v] of one row without padding, whose tokens all see each other."""
    positions = torch.arange(len(ids))[None]
    if loaded.tokens.two_row_positions:
        positions = torch.stack([positions, torch.zeros_like(positions)], dim=1)
    mask = torch.ones(1, 1, len(ids), len(ids), dtype=torch.bool)
    inputs = {"input_ids": torch.tensor([ids]), "attention_mask": mask, "position_ids": positions}
    return loaded.model(**inputs, use_cache=False).logits[0].double()


def slow_answer(loaded, objective, ids: list[int]) -> list[int]:
    """The canvas of one prompt, filled step by step and token by token."""
    placeholder = loaded.tokens.extra[0]
    without = [token if token in loaded.tokens.special else placeholder for token in ids]
    canvas: list[int | None] = [None] * LENGTH
    for step in range(objective.steps):
        time, later = (1 - (1 - LAST_TIME) * done / objective.steps for done in (step, step + 1))
        empty = [place for place, token in enumerate(canvas) if token is None]
        count = len(empty) if step == objective.steps - 1 else int(len(empty) * (1 - later / time))
        shown = [placeholder if token is None else token for token in canvas]
        conditional, unconditional = logits_of(loaded, ids + shown), logits_of(loaded, without + shown)
        choices = []
        for place in empty:
            row, base = conditional[len(ids) + place], unconditional[len(ids) + place]
            logits = base + (objective.guidance + 1) * (row - base)
            logits[placeholder] = -torch.inf
            probabilities = logits.softmax(dim=-1)
            choices.append((float(probabilities.max()), -place, int(probabilities.argmax())))
        for _, place, token in sorted(choices, reverse=True)[:count]:
            canvas[-place] = token
    return canvas


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("checkpoint", ["llama", "glm"])
def test_answers_are_those_of_plain_loops_whatever_the_batch(checkpoint, options, request):
    loaded, objective = prepared(checkpoint, MASKGIT | options, request)
    encoded = [encode_prompt(loaded.tokenizer, prompt) for prompt in PROMPTS]
    expected = [slow_answer(loaded, objective, ids) for ids in encoded]
    assert len({tuple(row) for row in expected}) > 1
    prompts = [as_prompt(loaded, objective, ids) for ids in encoded]
    alone = [decode_greedily(loaded.model, [prompt], LENGTH, NO_END)[0] for prompt in prompts]
    assert alone == expected
    assert decode_greedily(loaded.model, prompts, LENGTH, NO_END) == expected
    assert decode_greedily(loaded.model, prompts[::-1], LENGTH, NO_END) == expected[::-1]
    assert decode_greedily(loaded.model, prompts, LENGTH, NO_END) == expected


def test_an_answer_ends_at_its_first_end(request):
    loaded, objective = prepared("llama", MASKGIT, request)
    prompt = as_prompt(loaded, objective, encode_prompt(loaded.tokenizer, PROMPTS[0]))
    whole = decode_greedily(loaded.model, [prompt], LENGTH, NO_END)[0]
    assert (
        decode_greedily(loaded.model, [prompt], LENGTH, frozenset({whole[2]}))[0] == whole[: whole.index(whole[2]) + 1]
    )
    completions = [c for batch in complete_prompts(loaded, objective, PROMPTS, LENGTH, 3) for c in batch]
    assert sorted(completion.index for completion in completions) == [0, 1, 2, 3]


@pytest.mark.parametrize(("length", "steps"), [(40, 32), (52, 32), (7, 32), (10, 4), (1, 1), (3, 1)])
def test_every_token_is_written_once_and_as_many_per_step_as_published(length, steps):
    counts = list(tokens_per_step(length, steps))
    times = [1 - (1 - LAST_TIME) * step / steps for step in range(steps + 1)]
    left, expected = length, []
    for step in range(steps):
        count = left if step == steps - 1 else int(left * (1 - times[step + 1] / times[step]))
        left -= count
        expected.append(count)
    assert counts == expected and sum(counts) == length


def test_without_its_prompt_an_answer_still_has_the_special_tokens(request):
    loaded, objective = prepared("llama", MASKGIT, request)
    prompt = as_prompt(loaded, objective, encode_prompt(loaded.tokenizer, "he"))
    assert prompt.masked_ids == (loaded.tokenizer.bos_token_id, *[loaded.tokens.extra[0]] * 2)


def test_the_placeholder_is_never_written(request):
    loaded, objective = prepared("llama", MASKGIT | {"guidance": 0.0}, request)
    placeholder = loaded.tokens.extra[0]
    with torch.no_grad():  # by far the largest logit wherever the sum of the hidden states is positive
        loaded.model.get_output_embeddings().weight[placeholder] = 100
    prompts = [as_prompt(loaded, objective, encode_prompt(loaded.tokenizer, prompt)) for prompt in PROMPTS]
    assert all(placeholder not in row for row in decode_greedily(loaded.model, prompts, LENGTH, NO_END))


def test_logits_that_are_not_finite_name_their_row(request):
    loaded, objective = prepared("llama", MASKGIT, request)
    prompts = [as_prompt(loaded, objective, encode_prompt(loaded.tokenizer, prompt)) for prompt in PROMPTS]
    only_in_last = encode_prompt(loaded.tokenizer, "q")[-1]
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight[only_in_last] = torch.nan
    with pytest.raises(NotFiniteError) as error:
        decode_greedily(loaded.model, prompts, LENGTH, NO_END)
    assert error.value.row == PROMPTS.index("Once more, the quiet fox and")


def test_a_canvas_needs_positions(request):
    loaded, objective = prepared("glm", MASKGIT, request)
    assert len(list(complete_prompts(loaded, objective, ["x" * 121], LENGTH, 1))) == 1
    with pytest.raises(ReversalError, match="123 tokens with 7 new ones, needs position 129"):
        list(complete_prompts(loaded, objective, ["x" * 122], LENGTH, 1))


def test_a_canvas_of_placeholders_has_to_be_trained():
    with pytest.raises(ValidationError, match="reads placeholders, and placeholder is 'hidden'; choose 'learned'"):
        MlmU(decoder="maskgit", eos_padding=40)
    with pytest.raises(ValidationError, match=r"eos_padding is 0.* set it to evaluation\.max_new_tokens"):
        MlmU(decoder="maskgit", placeholder="learned")
    assert MlmU(decoder="maskgit", placeholder="learned", eos_padding=40).unused("rotary") == {}
    assert MlmU().unused("rotary").keys() == {"steps", "guidance"}
