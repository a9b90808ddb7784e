"""Filling blanks: the published completions, and independence of batch and cache."""

import pytest
import torch
from glm_reference import CASES, SPECIAL, case, reference_model

from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Completion
from reversal_cli.inference.complete import as_prompt, complete_prompts
from reversal_cli.inference.decode import decode_greedily
from reversal_cli.inference.generate import encode_prompt
from reversal_cli.inference.prompts import (
    Prompt,
    blank_prompt,
    ending_prompt,
    endings,
    refuse_long_prompt,
)
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.base import Loaded
from reversal_cli.models.families import is_mirrored
from reversal_cli.models.loading import load_for_training
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import BlankTokens, Draw, PromptLayout, Row, TokenIds
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.spec.experiment import ExperimentSpec

BLANKS = BlankTokens(*(SPECIAL[name] for name in ("mask", "smask", "gmask", "sop", "eop", "eos")))
TOKENS = TokenIds(pad=SPECIAL["pad"], special=frozenset(SPECIAL.values()), two_row_positions=True, blanks=BLANKS)
GENERATED = [name for name in CASES if name.endswith("_generate")]
PROMPTS = ["he", "the old", "a bee is what a", "Once more, the quiet fox and"]


def sources(name: str) -> list[list[int]]:
    published = case(name)
    return [
        ids[mask.bool()].tolist()
        for ids, mask in zip(published["source_input_ids"], published["source_attention_mask"], strict=True)
    ]


def prompt_of(ids: list[int]) -> Prompt:
    blank = next(i for i, token in enumerate(ids) if token in (BLANKS.mask, BLANKS.long_mask))
    return blank_prompt(ids, blank, TOKENS, "after_mask")


@pytest.mark.parametrize("name", GENERATED)
def test_greedy_completions_are_the_published_ones(name):
    """Whose loop stops at eop alone."""
    published = CASES[name]
    prompts = [prompt_of(ids) for ids in sources(name)]
    written = decode_greedily(reference_model("erf"), prompts, published["max_new_tokens"], frozenset({BLANKS.eop}))
    assert written == published["new_tokens"]


@torch.no_grad()
def slow(model, prompt: Prompt, count: int, ends: frozenset[int]) -> list[int]:
    """No cache, no padding: the whole text again for each token, with the mask from a double loop."""
    ids, rows, new = list(prompt.input_ids), [list(row) for row in prompt.positions], []
    while len(new) < count and not (new and new[-1] in ends):
        allowed = [[key <= query or key < prompt.prefix for key in range(len(ids))] for query in range(len(ids))]
        positions = torch.tensor([rows]) if len(rows) == 2 else torch.tensor(rows)
        mask = torch.tensor(allowed)[None, None]
        logits = model(
            input_ids=torch.tensor([ids]), attention_mask=mask, position_ids=positions, use_cache=False
        ).logits
        new.append(int(logits[0, -1].argmax()))
        ids.append(new[-1])
        for row, step in zip(rows, prompt.step, strict=True):
            row.append(row[-1] + step)
    return new


def load(checkpoint: str, objective: dict) -> tuple[Loaded, ExperimentSpec]:
    training = {"tuning": "full", "device": "cpu", "dtype": "float32"}
    spec = ExperimentSpec(name="x", model={"name": checkpoint}, objective=objective, training=training)
    loaded = load_for_training(spec)
    torch.manual_seed(3)
    with torch.no_grad():  # so that greedy completions vary and some end
        for parameter in loaded.model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.4)
    return loaded, spec


@pytest.mark.parametrize("checkpoint", ["llama", "qwen", "glm4", "glm"])
@pytest.mark.parametrize("positions", ["plain", "mirrored"])
def test_a_prompt_read_in_both_directions_does_not_depend_on_batch_padding_or_cache(checkpoint, positions, request):
    options = {} if checkpoint == "glm" else {"positions": positions}
    loaded, spec = load(request.getfixturevalue(f"{checkpoint}_checkpoint"), {"name": "prefix-lm", **options})
    if is_mirrored(spec.objective, loaded.tokens):
        install_mirrored_attention(loaded.model)
    prompts = [as_prompt(loaded, spec.objective, encode_prompt(loaded.tokenizer, prompt)) for prompt in PROMPTS]
    ends = frozenset({loaded.tokenizer.eos_token_id})
    expected = [slow(loaded.model, prompt, 10, ends) for prompt in prompts]
    assert len({tuple(row) for row in expected}) > 1
    for size in (1, 3, 4):
        batches = [decode_greedily(loaded.model, prompts[i : i + size], 10, ends) for i in range(0, 4, size)]
        assert [row for batch in batches for row in batch] == expected


@pytest.mark.parametrize("objective", [{"name": "abi"}, {"name": "abi", "span_positions": "after_text"}])
@pytest.mark.parametrize("checkpoint", ["llama", "qwen", "glm4", "glm"])
def test_a_filled_blank_does_not_depend_on_batch_padding_or_cache(checkpoint, objective, request):
    loaded, spec = load(request.getfixturevalue(f"{checkpoint}_checkpoint"), objective)
    tokens = loaded.tokens
    encoded = [encode_prompt(loaded.tokenizer, prompt) for prompt in PROMPTS]
    prompts = [ending_prompt(ids, tokens, spec.objective.prompt_layout(tokens)) for ids in encoded]
    expected = [slow(loaded.model, prompt, 10, endings(tokens)) for prompt in prompts]
    assert len({tuple(row) for row in expected}) > 1
    for size in (1, 3, 4):
        batches = [decode_greedily(loaded.model, prompts[i : i + size], 10, endings(tokens)) for i in range(0, 4, size)]
        assert [row for batch in batches for row in batch] == expected


def test_glm_continues_a_text_without_a_blank_where_it_was_trained_so(glm_checkpoint):
    loaded, spec = load(glm_checkpoint, {"name": "ntp", "glm_form": "causal"})
    eos = loaded.tokenizer.eos_token_id
    completions = [c for batch in complete_prompts(loaded, spec.objective, PROMPTS, 8, 3) for c in batch]
    for index, prompt in enumerate(PROMPTS):
        read = as_prompt(loaded, spec.objective, encode_prompt(loaded.tokenizer, prompt))
        new = slow(loaded.model, read, 8, frozenset({eos}))
        words = [token for token in new if token != eos and token < len(loaded.tokenizer)]
        text = loaded.tokenizer.decode(words, skip_special_tokens=True)
        assert Completion(index, text, new[-1] == eos) in completions


def test_the_prompt_is_laid_out_as_in_training():
    """What the model reads before the first word of a suffix blank, taken from the objective's own batch."""
    row = Row((SPECIAL["cls"], 5, 6, 7, SPECIAL["eos"]), 3)
    for objective in (Abi(suffix_share=1.0), Abi(suffix_share=1.0, task_masks=False), Ntp()):
        batch = objective.collate([row], TOKENS, Draw(0, 0, (0,)))
        sop = batch.input_ids[0].tolist().index(SPECIAL["sop"])
        blank = objective.prompt_layout(TOKENS).blank
        kept = sop - len(blank)
        prompt = ending_prompt(row.input_ids[:kept], TOKENS, PromptLayout(blank))
        begun = ending_prompt(row.input_ids[:-1], TOKENS, PromptLayout(blank, tokens_before=kept))
        assert list(begun.input_ids) == batch.input_ids[0].tolist()
        assert [list(positions) for positions in begun.positions] == batch.position_ids[0].tolist()
        assert list(prompt.input_ids) == batch.input_ids[0, : sop + 1].tolist()
        assert [list(positions) for positions in prompt.positions] == batch.position_ids[0, :, : sop + 1].tolist()
        assert prompt.prefix == sop


def test_a_prompt_longer_than_the_position_table_is_one_clear_error(glm_checkpoint):
    loaded, spec = load(glm_checkpoint, {"name": "abi"})
    with pytest.raises(ReversalError, match=r"152 tokens with 4 new ones, needs position 150; expected .* 128"):
        list(complete_prompts(loaded, spec.objective, ["he", "x" * 149], 4, 2))
    with pytest.raises(ReversalError, match="with 200 new ones, needs position 200"):
        list(complete_prompts(loaded, spec.objective, ["he"], 200, 2))


def test_the_longest_prompt_that_fits_is_answered(glm_checkpoint):
    loaded, spec = load(glm_checkpoint, {"name": "abi"})
    prompt = ending_prompt([1] * 128, loaded.tokens, spec.objective.prompt_layout(loaded.tokens))
    refuse_long_prompt(prompt, "he", 128, loaded.max_position)
    assert len(list(complete_prompts(loaded, spec.objective, ["x" * 127], 4, 2))) == 1
