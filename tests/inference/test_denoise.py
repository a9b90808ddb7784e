"""Answers by denoising: against a loop without batches or padding, for either family and each placeholder."""

import pytest
import torch
from test_likelihood import load

from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Completion
from reversal_cli.inference.complete import as_prompt, complete_prompts
from reversal_cli.inference.decode import decode_greedily
from reversal_cli.inference.generate import decode_continuation, encode_prompt
from reversal_cli.inference.likelihood import Question, encode_question, fits, score_candidates
from reversal_cli.inference.prompts import refuse_long_prompt
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.extra_tokens import with_extra_tokens
from reversal_cli.models.families import is_mirrored

PROMPTS = ["he", "the old", "a bee is what a", "Once more, the quiet fox and"]
CANDIDATES = [" fox", " old fox", " red hen and a bee", " old fox"]
OBJECTIVES = [
    {"name": "bico", "decoder": "denoise"},
    {"name": "bico", "decoder": "denoise", "target": "same"},
    {"name": "bico", "decoder": "denoise", "placeholder": "learned", "target": "same", "positions": "plain"},
    {"name": "bico", "decoder": "denoise", "placeholder": "pad"},
    {"name": "mlm-u", "placeholder": "learned", "eos_padding": 4},
]


def prepared(checkpoint, options, request):
    loaded, objective = load(checkpoint, options, request)
    if is_mirrored(objective, loaded.tokens):
        install_mirrored_attention(loaded.model)
    loaded.model.eval()
    return loaded, objective


def canvas_after(objective, loaded, written: list[int]) -> int:
    """How many placeholders stand behind a prompt and what is written."""
    return max(1, objective.prompt_layout(loaded.tokens).denoising.canvas - len(written))


@torch.no_grad()
def logits_after(loaded, objective, ids: list[int], placeholders: int = 1) -> torch.Tensor:
    """float64 [v] of the token after `ids`, from one row without padding."""
    denoising = objective.prompt_layout(loaded.tokens).denoising
    row = torch.tensor([[*ids, *[denoising.placeholder] * placeholders]])
    keys = torch.tensor([[True] * len(ids) + [denoising.placeholder_visible] * placeholders])
    positions = torch.arange(row.shape[1])[None]
    if loaded.tokens.two_row_positions:
        positions = torch.stack([positions, torch.zeros_like(positions)], dim=1)
    mask = keys[:, None, None].expand(-1, 1, row.shape[1], -1)
    logits = loaded.model(input_ids=row, attention_mask=mask, position_ids=positions, use_cache=False).logits[0]
    return logits[len(ids) - (denoising.target == "next")].double()


@pytest.mark.parametrize("options", OBJECTIVES, ids=str)
@pytest.mark.parametrize("checkpoint", ["llama", "glm"])
def test_completions_are_those_of_a_loop_whatever_the_batch(checkpoint, options, request):
    loaded, objective = prepared(checkpoint, options, request)
    eos = loaded.tokenizer.eos_token_id
    expected = []
    for index, prompt in enumerate(PROMPTS):
        ids, new = encode_prompt(loaded.tokenizer, prompt), []
        while len(new) < 6 and eos not in new:
            new.append(int(logits_after(loaded, objective, ids + new, canvas_after(objective, loaded, new)).argmax()))
        words = [token for token in new if token != eos]
        if loaded.tokens.two_row_positions:
            known = [token for token in words if token < len(loaded.tokenizer)]
            text = loaded.tokenizer.decode(known, skip_special_tokens=True)
        else:
            text = decode_continuation(loaded.tokenizer, ids, words)
        expected.append(Completion(index, text, eos in new))
    for size in (1, 3, 64):
        batches = complete_prompts(loaded, objective, PROMPTS, 6, size)
        assert sorted(answer for batch in batches for answer in batch) == expected


@pytest.mark.parametrize("options", OBJECTIVES, ids=str)
@pytest.mark.parametrize("checkpoint", ["llama", "glm"])
def test_a_candidate_scores_the_product_of_its_tokens_whatever_the_batch(checkpoint, options, request):
    loaded, objective = prepared(checkpoint, options, request)
    questions = [encode_question(loaded, objective, prompt, CANDIDATES) for prompt in PROMPTS]
    expected = []
    for question in questions:
        sums = []
        for candidate in question.candidates:
            ids, total = list(question.prompt.input_ids), 0.0
            for count, token in enumerate(candidate):
                placeholders = canvas_after(objective, loaded, candidate[:count])
                total += float(logits_after(loaded, objective, ids, placeholders).log_softmax(dim=-1)[token])
                ids.append(token)
            sums.append(total)
        expected.append(sums)
    for size in (1, 3, 64):
        scored = score_candidates(loaded.model, questions, size)
        measured = [[likelihood.log_probability for likelihood in row] for row in scored]
        torch.testing.assert_close(torch.tensor(measured), torch.tensor(expected), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("target", ["next", "same"])
@pytest.mark.parametrize("checkpoint", ["llama", "glm"])
def test_a_hidden_placeholder_tells_nothing_about_how_much_is_to_come(checkpoint, target, request):
    loaded, objective = prepared(checkpoint, {"name": "bico", "decoder": "denoise", "target": target}, request)
    ids = encode_prompt(loaded.tokenizer, PROMPTS[-1])
    one, many = (logits_after(loaded, objective, ids, count) for count in (1, 5))
    torch.testing.assert_close(one, many, atol=1e-4, rtol=1e-4)


def test_a_placeholder_needs_a_position_too(request):
    loaded, objective = prepared("glm", {"name": "bico", "decoder": "denoise"}, request)
    assert loaded.max_position == 128
    fitting, longer = (as_prompt(loaded, objective, [1] * length) for length in (125, 126))
    refuse_long_prompt(fitting, "he", 4, loaded.max_position)
    assert len(decode_greedily(loaded.model, [fitting], 4, frozenset({-1}))[0]) == 4
    with pytest.raises(ReversalError, match="126 tokens with 4 new ones, needs position 129"):
        refuse_long_prompt(longer, "he", 4, loaded.max_position)
    assert fits(Question(fitting, ((5, 6, 7, 8),)), loaded.max_position)
    assert not fits(Question(longer, ((5, 6, 7, 8),)), loaded.max_position)


def test_a_glm_lends_two_tokens_and_no_third(request):
    loaded, _ = load("glm", {"name": "bico"}, request)
    assert with_extra_tokens(loaded, 2, True, "X").tokens.extra == (
        loaded.tokens.blanks.mask,
        loaded.tokens.blanks.sop,
    )
    with pytest.raises(ReversalError, match="X needs 3 tokens without a meaning"):
        with_extra_tokens(loaded, 3, True, "X")
