"""Log-probabilities of candidates: as if every one were scored alone, in the layout that training gives its text."""

import dataclasses

import pytest
import torch
from checkpoints import byte_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from reversal_cli.data.base import Example
from reversal_cli.errors import ReversalError
from reversal_cli.inference.complete import as_prompt
from reversal_cli.inference.likelihood import encode_question, fits, score_candidates
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.base import Loaded, tokenize
from reversal_cli.models.loading import load_for_training
from reversal_cli.objectives.base import IGNORE, Batch, Draw, Row
from reversal_cli.objectives.blanks import blank_batch, suffix_row
from reversal_cli.objectives.prefix_lm import prefix_batch
from reversal_cli.objectives.rows import next_token_batch
from reversal_cli.spec.experiment import ExperimentSpec, ObjectiveSpec

NAMES = (" Ann", " Bo Low", " Clara Hoang", " Bo Low", " Ivo")
QUESTIONS = [
    ("he", NAMES),
    ("Known for the opera Amber Corridor,", NAMES),
    ("Bo Low", (" is a bee.", " is the quiet fox of the old opera.", " A")),
    ("the old,", (" A", " B")),
]
TOLERANCE = {"rel": 1e-5, "abs": 1e-4}
SERVED = [
    ("tiny-llama", {"name": "ntp"}),
    ("llama", {"name": "ntp"}),
    ("qwen", {"name": "bico"}),
    ("glm4", {"name": "none"}),
    ("llama", {"name": "abi"}),
    ("glm4", {"name": "abi"}),
    ("qwen", {"name": "abi", "span_positions": "after_text"}),
    ("tiny-glm", {"name": "none"}),
    ("glm", {"name": "abi"}),
    ("glm", {"name": "abi", "task_masks": False}),
    ("glm", {"name": "bico"}),
    ("glm", {"name": "ntp"}),
    ("glm", {"name": "ntp", "glm_prompt": "before_blank"}),
    ("glm", {"name": "ntp", "glm_form": "causal"}),
    ("qwen", {"name": "prefix-lm"}),
    ("llama", {"name": "prefix-lm", "positions": "mirrored"}),
    ("glm", {"name": "prefix-lm"}),
]


def load(checkpoint: str, objective: dict, request: pytest.FixtureRequest) -> tuple[Loaded, ObjectiveSpec]:
    """A model whose logits vary much."""
    name = checkpoint if checkpoint.startswith("tiny") else request.getfixturevalue(f"{checkpoint}_checkpoint")
    training = {"tuning": "full", "device": "cpu", "dtype": "float32"}
    spec = ExperimentSpec(name="x", model={"name": name}, objective=objective, training=training)
    loaded = load_for_training(spec)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.2)
    if objective.get("positions") == "mirrored":
        install_mirrored_attention(loaded.model)
    return loaded, spec.objective


def training_batch(loaded: Loaded, objective: ObjectiveSpec, row: Row) -> Batch:
    """The text as training lays it out, with labels on its completion and the end."""
    if objective.name == "prefix-lm":
        return prefix_batch([row], [row.completion_start], loaded.tokens)
    if not objective.prompt_layout(loaded.tokens).blank:
        return next_token_batch([row], loaded.tokens, "completion")
    if objective.name == "ntp" and objective.glm_prompt == "in_blank":
        draw = Draw(0, 0, (0,))
        return objective.model_copy(update={"loss_on": "completion"}).collate([row], loaded.tokens, draw)
    long_mask = None if objective.name == "abi" and not objective.task_masks else loaded.tokens.blanks.long_mask
    laid_out = suffix_row(row.input_ids, row.completion_start, long_mask, loaded.tokens.blanks)
    positions = objective.span_positions if objective.name == "abi" else "after_mask"
    return blank_batch([laid_out], loaded.tokens, positions)


@torch.no_grad()
def alone(loaded: Loaded, objective: ObjectiveSpec, prompt: str, candidate: str) -> tuple[float, int]:
    """One full forward pass without cache, batch or padding; log-softmax in float64, token by token."""
    row = tokenize(loaded.tokenizer, [Example(prompt, candidate, "")], 500)[0]
    batch = training_batch(loaded, objective, row)
    logits = loaded.model(
        input_ids=torch.from_numpy(batch.input_ids),
        attention_mask=torch.from_numpy(batch.attention_mask),
        position_ids=torch.from_numpy(batch.position_ids),
        use_cache=False,
    ).logits[0]
    labels = batch.labels[0].tolist()
    scored = [index for index, label in enumerate(labels) if label != IGNORE][:-1]  # without eos or eop
    return sum(float(logits[i].double().log_softmax(dim=-1)[labels[i]]) for i in scored), len(scored)


def scores(loaded: Loaded, objective: ObjectiveSpec, questions, batch_size: int) -> list[list[tuple[float, int]]]:
    encoded = [encode_question(loaded, objective, prompt, candidates) for prompt, candidates in questions]
    return [[tuple(one) for one in row] for row in score_candidates(loaded.model.eval(), encoded, batch_size)]


@pytest.mark.parametrize(("checkpoint", "objective"), SERVED, ids=str)
def test_every_candidate_scores_as_alone_whatever_the_batch_and_the_order(checkpoint, objective, request):
    loaded, objective = load(checkpoint, objective, request)
    loaded.model.eval()
    expected = [[alone(loaded, objective, prompt, text) for text in texts] for prompt, texts in QUESTIONS]
    for size in (1, 3, 64):
        for found, row in zip(scores(loaded, objective, QUESTIONS, size), expected, strict=True):
            assert [tokens for _, tokens in found] == [tokens for _, tokens in row]
            assert [score for score, _ in found] == pytest.approx([score for score, _ in row], **TOLERANCE)
    backwards = [(prompt, texts[::-1]) for prompt, texts in QUESTIONS[::-1]]
    for found, row in zip(scores(loaded, objective, backwards, 4)[::-1], expected, strict=True):
        assert [score for score, _ in found[::-1]] == pytest.approx([score for score, _ in row], **TOLERANCE)


def test_the_scores_above_tell_candidates_and_prompts_apart(request):
    loaded, objective = load("llama", {"name": "ntp"}, request)
    found = scores(loaded, objective, QUESTIONS, 64)
    assert len({round(score, 3) for score, _ in found[0]}) == 4  # one candidate is there twice
    assert all(abs(found[0][i][0] - found[1][i][0]) > 0.01 for i in range(5))


def test_a_prompt_is_read_once_and_no_pass_has_more_sequences_than_the_batch_size(request):
    loaded, objective = load("llama", {"name": "ntp"}, request)
    encoded = [encode_question(loaded, objective, prompt, NAMES) for prompt in ("he", "the old", "a bee")]
    shapes = []
    loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    score_candidates(loaded.model.eval(), encoded, 5)
    width = max(len(question.prompt.input_ids) for question in encoded)
    # Four different candidates of 12, 7, 4 and 4 bytes; the last of each is only predicted.
    assert shapes == [(3, width), (5, 11), (5, 6), (2, 3)]


def test_a_candidate_of_one_token_needs_no_second_pass(request):
    loaded, objective = load("tiny-llama", {"name": "ntp"}, request)
    question = encode_question(loaded, objective, "he", [" A", " B"])
    assert [len(candidate) for candidate in question.candidates] == [1, 1]
    passes = []
    loaded.model.register_forward_pre_hook(lambda *_: passes.append(1))
    score_candidates(loaded.model.eval(), [question], 64)
    assert len(passes) == 1


@pytest.mark.parametrize("checkpoint", ["llama", "glm"])
def test_the_candidate_begins_where_training_begins_the_completion(checkpoint, request):
    """In a blank its tokens are those of part B."""
    loaded, objective = load(checkpoint, {"name": "abi"}, request)
    question = encode_question(loaded, objective, "a bee is", [" the old"])
    row = tokenize(loaded.tokenizer, [Example("a bee is", " the old", "")], 100)[0]
    batch = training_batch(loaded, objective, row)
    assert [*question.prompt.input_ids, *question.candidates[0]] == batch.input_ids[0].tolist()


def straddling_tokenizer(bos: bool) -> PreTrainedTokenizerFast:
    """The byte tokenizer with one more token: an s and the space after it."""
    plain = byte_tokenizer(bos)
    vocabulary = {**plain.get_vocab(), "sĠ": len(plain)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("s", "Ġ")]))
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = plain.backend_tokenizer.post_processor
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>" if bos else None, eos_token="</s>", pad_token="<pad>"
    )


@torch.no_grad()
def test_where_a_token_reaches_over_the_end_of_the_prompt_candidates_spell_it_too(request):
    loaded, objective = load("llama", {"name": "ntp"}, request)
    loaded = dataclasses.replace(loaded, tokenizer=straddling_tokenizer(bos=True))
    question = encode_question(loaded, objective, "he is", [" Ann", " Bo"])
    vocabulary = loaded.tokenizer.get_vocab()
    assert list(question.prompt.input_ids) == [vocabulary[token] for token in ("<s>", "h", "e", "Ġ", "i")]
    assert list(question.candidates[1]) == [vocabulary[token] for token in ("sĠ", "B", "o")]
    ids = loaded.tokenizer("he is Bo")["input_ids"]
    logits = loaded.model.eval()(torch.tensor([ids])).logits[0].log_softmax(dim=-1)
    expected = sum(float(logits[index - 1, ids[index]]) for index in (5, 6, 7))
    assert score_candidates(loaded.model, [question], 4)[0][1].log_probability == pytest.approx(expected, **TOLERANCE)


def test_a_prompt_without_a_token_of_its_own_is_an_error(request):
    loaded, objective = load("qwen", {"name": "ntp"}, request)
    loaded = dataclasses.replace(loaded, tokenizer=straddling_tokenizer(bos=False))
    with pytest.raises(ReversalError, match="the prompt 's': has no token of its own before its candidates; expected"):
        encode_question(loaded, objective, "s", [" Ann", " Bo"])


def test_a_question_fits_up_to_the_last_position_and_padding_needs_none(request):
    """Beside a longer candidate a short one is padded, past the last position if that counted."""
    loaded, objective = load("glm", {"name": "ntp", "glm_form": "causal"}, request)
    assert loaded.max_position == 128
    full = [encode_question(loaded, objective, "x" * length, [" B"]) for length in (127, 128)]
    assert [fits(question, loaded.max_position) for question in full] == [True, False]
    assert fits(full[1], None)
    long = encode_question(loaded, objective, "x", [" and so on and so on"])
    together = score_candidates(loaded.model.eval(), [full[0], long], 64)
    single = [score_candidates(loaded.model, [question], 64)[0] for question in (full[0], long)]
    for found, expected in zip(together, single, strict=True):
        assert found[0].log_probability == pytest.approx(expected[0].log_probability, **TOLERANCE)


def test_a_full_memory_is_an_error_that_says_what_to_lower(request, monkeypatch):
    loaded, objective = load("llama", {"name": "ntp"}, request)
    question = encode_question(loaded, objective, "he", NAMES)

    def full(*_, **__):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(loaded.model, "forward", full)
    with pytest.raises(ReversalError, match=r"evaluation\.batch_size: 64 candidate answers do not fit .*; lower it"):
        score_candidates(loaded.model, [question], 64)


def test_a_rotary_prompt_has_one_row_of_positions(request):
    loaded, objective = load("llama", {"name": "ntp"}, request)
    prompt = as_prompt(loaded, objective, [5, 6, 7])
    assert (prompt.positions, prompt.prefix, prompt.step) == (((0, 1, 2),), 0, (1,))
