"""Log-probabilities of given answers to a prompt, for every kind of model and objective.

A prompt is read once, into a key-value cache; its candidates are scored in batches against copies of its part of the
cache. Candidates are padded on the right, where attention from left to right never reaches, and log-probabilities are
taken in float32, so none depends on the batch it is in. Where answers are denoised, there is no cache to share.
"""

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from reversal_cli.errors import ReversalError
from reversal_cli.inference.batching import explain_full_memory, longest_first
from reversal_cli.inference.complete import as_prompt
from reversal_cli.inference.denoise import next_logits
from reversal_cli.inference.finite import NotFiniteError
from reversal_cli.inference.generate import without_eos
from reversal_cli.inference.prompts import Prompt, is_causal, last_position, lay_out_batch, rows_as_expected
from reversal_cli.models.base import Loaded
from reversal_cli.models.token_losses import token_losses
from reversal_cli.objectives.base import IGNORE
from reversal_cli.spec.experiment import ObjectiveSpec

TokenSequence = tuple[int, ...]


class Likelihood(NamedTuple):
    """The log-probability of one candidate."""

    log_probability: float
    """Natural logarithm, summed over its tokens; the eos or eop after them is not counted."""
    tokens: int

    @property
    def per_token(self) -> float:
        return self.log_probability / self.tokens


class Question(NamedTuple):
    """A prompt and what may follow it, as the model reads them."""

    prompt: Prompt
    candidates: tuple[TokenSequence, ...]


def encode_question(loaded: Loaded, objective: ObjectiveSpec, prompt: str, candidates: Sequence[str]) -> Question:
    """A prompt and its candidates as ids. candidates: texts that continue it, with their space (` Clara Hoang`).

    Prompt and candidate are tokenized as one text, as in training; in a blank the candidate is what training writes
    into it. If a tokenizer joins the end of the prompt and the beginning of a candidate in one token, the question
    begins before that token: every candidate then spells the rest of the prompt too, so they stay comparable.

    Raises ReversalError if that leaves no token to read first.
    """
    texts = [prompt, *(prompt + candidate for candidate in candidates)]
    encoded = loaded.tokenizer(texts, return_attention_mask=False)["input_ids"]
    ids, *joint = (without_eos(loaded.tokenizer, row) for row in encoded)
    # No candidate is empty, even if the tokenizer sees no difference between a prompt and its continuation.
    shared = min(shared_length([ids, *joint]), *(len(row) - 1 for row in joint))
    if shared == 0:
        raise ReversalError(
            f"the prompt {prompt!r}: has no token of its own before its candidates; expected one that the model reads "
            "first; make the prompt longer"
        )
    return Question(as_prompt(loaded, objective, ids[:shared]), tuple(tuple(row[shared:]) for row in joint))


def shared_length(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens the rows begin with alike."""
    columns = zip(*rows, strict=False)
    return next((index for index, column in enumerate(columns) if len(set(column)) > 1), min(map(len, rows)))


def fits(question: Question, max_position: int | None) -> bool:
    """Whether the model has a position for every token of the question."""
    longest = max(len(candidate) for candidate in question.candidates)
    return max_position is None or last_position(question.prompt, longest) <= max_position


@torch.inference_mode()
def score_candidates(model: PreTrainedModel, questions: Sequence[Question], batch_size: int) -> list[list[Likelihood]]:
    """The likelihood of every candidate of every question, in their order. The model should be in evaluation mode.

    Memory is that of the keys of all these prompts (pass no more than `batch_size` of them), and of as many sequences
    of prompt and candidate as `batch_size` says. Raises ReversalError if that does not fit, or a likelihood is
    not finite.
    """
    device = next(model.parameters()).device
    with explain_full_memory(f"{batch_size} candidate answers", device):
        if questions[0].prompt.denoising:
            sums = _denoise_pairs(model, questions, batch_size)
        else:
            read = _read(model, [question.prompt for question in questions], device)
            sums = _score_pairs(model, read, questions, batch_size)
    for row, candidate in sums:
        if not math.isfinite(sums[row, candidate]):
            raise NotFiniteError(row)
    return [
        [Likelihood(sums[row, candidate], len(candidate)) for candidate in question.candidates]
        for row, question in enumerate(questions)
    ]


def _denoise_pairs(
    model: PreTrainedModel, questions: Sequence[Question], batch_size: int
) -> dict[tuple[int, TokenSequence], float]:
    """(question, candidate) -> summed log-probability, by the chain rule: a row is read anew for each of its tokens."""
    pairs = dict.fromkeys((row, candidate) for row, question in enumerate(questions) for candidate in question[1])
    texts: dict[tuple[int, TokenSequence], set[int]] = {}  # what follows each beginning
    for row, candidate in pairs:
        for count, token in enumerate(candidate):
            texts.setdefault((row, candidate[:count]), set()).add(token)
    scores: dict[tuple[int, TokenSequence], float] = {}
    for batch in longest_first(texts, lambda text: len(text[1]), batch_size):
        logits = next_logits(model, [questions[row].prompt for row, _ in batch], [begun for _, begun in batch])
        for (row, begun), log_probabilities in zip(batch, logits.float().log_softmax(dim=-1), strict=True):
            scores |= {(row, (*begun, token)): float(log_probabilities[token]) for token in texts[row, begun]}
    return {(row, ids): math.fsum(scores[row, ids[:count]] for count in range(1, len(ids) + 1)) for row, ids in pairs}


class _Read(NamedTuple):
    """Prompts that the model has read. p: prompts, s: their common width."""

    cache: Cache
    keys: Tensor
    """bool [p, s], False = padding."""
    first: Tensor
    """float32 [p, v]: log-probabilities of the token after each prompt."""
    positions: Tensor
    """int64 [p, rows]: of each prompt's last token."""
    steps: Tensor
    """int64 [p, rows]: how far each row of positions moves from token to token."""

    def of(self, rows: Tensor) -> "_Read":
        """A copy of these prompts, one for each row, whose cache may grow."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        cache.batch_select_indices(rows)
        return _Read(cache, *(tensor[rows] for tensor in self[1:]))


def _read(model: PreTrainedModel, prompts: Sequence[Prompt], device: torch.device) -> _Read:
    input_ids, position_ids, attention_mask = lay_out_batch(prompts, device)
    keys = attention_mask[:, 0, -1]
    output = model(
        input_ids=input_ids,
        attention_mask=keys if is_causal(prompts) else attention_mask,
        position_ids=rows_as_expected(position_ids),
        use_cache=True,
        logits_to_keep=1,
    )
    refuse_recurrent(model, output.past_key_values)
    first = output.logits[:, -1].float().log_softmax(dim=-1)
    steps = torch.tensor([prompt.step for prompt in prompts], device=device)
    return _Read(output.past_key_values, keys, first, position_ids[..., -1], steps)


def refuse_recurrent(model: PreTrainedModel, cache: Cache) -> None:
    """Raises ReversalError for a network that keeps a running state (Mamba, Jamba) and not the keys of each token."""
    if any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in cache.layers):
        raise ReversalError(
            f"evaluation.likelihood: {type(model).__name__} keeps a running state, which cannot be copied per answer; "
            "expected attention in every layer; pass --no-likelihood to `reversal eval`"
        )


def _score_pairs(
    model: PreTrainedModel, read: _Read, questions: Sequence[Question], batch_size: int
) -> dict[tuple[int, TokenSequence], float]:
    """(question, candidate) -> summed log-probability; equal candidates of a question are computed once."""
    pairs = dict.fromkeys((row, candidate) for row, question in enumerate(questions) for candidate in question[1])
    sums: dict[tuple[int, TokenSequence], float] = {}
    for batch in longest_first(pairs, lambda pair: len(pair[1]), batch_size):
        rows = torch.tensor([row for row, _ in batch], device=read.keys.device)
        scores = _score_batch(model, read.of(rows), [candidate for _, candidate in batch])
        sums |= zip(batch, scores.tolist(), strict=True)
    return sums


def _score_batch(model: PreTrainedModel, read: _Read, candidates: Sequence[TokenSequence]) -> Tensor:
    """Summed log-probabilities float32 [b] of one candidate after each prompt."""
    device = read.keys.device
    rows = [torch.tensor(candidate) for candidate in candidates]
    targets = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORE).to(device)  # [b, n]
    ids = targets.clamp(min=0)
    score = read.first.gather(1, ids[:, :1])[:, 0]  # [b]
    if ids.shape[1] == 1:
        return score
    # The last token is only predicted. Padding stays at a position that the model has.
    last = (targets != IGNORE).sum(dim=1, keepdim=True) - 1  # [b, 1]
    offsets = torch.arange(1, ids.shape[1], device=device).minimum(last)  # [b, n - 1]
    logits = model(
        input_ids=ids[:, :-1],
        attention_mask=torch.cat([read.keys, torch.ones_like(ids[:, 1:], dtype=torch.bool)], dim=1),
        position_ids=rows_as_expected(read.positions[..., None] + read.steps[..., None] * offsets[:, None]),
        past_key_values=read.cache,
        use_cache=True,
    ).logits  # [b, n - 1, v]
    losses = token_losses(logits.flatten(0, 1), targets[:, 1:].flatten())
    return score - losses.view(len(candidates), -1).sum(dim=1)  # the loss of padding is 0
