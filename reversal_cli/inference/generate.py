"""Batched greedy decoding by `generate` of transformers, for models that keep more than keys and values of a text.

It is slower than our own: it computes finished rows to the end.
"""

import contextlib
import inspect
from collections.abc import Iterator, Sequence

import torch
from peft import PeftModel
from transformers import (
    DynamicCache,
    GenerationConfig,
    GenerationMixin,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Completion
from reversal_cli.inference.batching import explain_full_memory, left_pad, longest_first
from reversal_cli.inference.finite import asking, finite_rows, refuse_not_finite


def generate_completions(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    max_new_tokens: int,
    batch_size: int,
) -> Iterator[list[Completion]]:
    """Yields batches of greedy completions, longest prompts first, so that a batch too large for memory fails at once.

    A completion does not depend on the batch it is in: padding is on the left, hidden by the attention mask and not
    counted in the positions. (In half precision, near-equal logits can still be ordered differently by another kernel.)
    Decoding stops at the tokenizer's eos token, the one that training appends.

    Raises ReversalError if the tokenizer has no eos token, a batch does not fit into memory, or logits are not
    finite.
    """
    if tokenizer.eos_token_id is None:
        raise ReversalError(f"{tokenizer.name_or_path}: has no eos token; expected one to stop at; set eos_token")
    model.eval()
    encoded = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    for indices in longest_first(range(len(prompts)), lambda index: len(encoded[index]), batch_size):
        with asking([prompts[index] for index in indices]):
            rows = _generate_batch(model, tokenizer, [encoded[index] for index in indices], max_new_tokens)
        yield [_completion(tokenizer, index, encoded[index], row) for index, row in zip(indices, rows, strict=True)]


def encode_prompt(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """The prompt as it begins a training example: with bos if the tokenizer adds it, never ended by eos."""
    return without_eos(tokenizer, tokenizer(prompt, add_special_tokens=True)["input_ids"])


def without_eos(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    """The ids of a text without the eos that some tokenizers append."""
    return ids[:-1] if len(ids) > 1 and ids[-1] == tokenizer.eos_token_id else ids


@contextlib.contextmanager
def plain_generation(model: PreTrainedModel, config: GenerationConfig) -> Iterator[None]:
    """Inside, `model.generate` follows `config` and nothing else.

    `generate(generation_config=...)` is not enough: it fills every field that is None from the checkpoint's own
    generation_config.json, so a repetition penalty or forced tokens would change the completions.
    The model inside a PEFT wrapper is included.
    """
    generators = [module for module in model.modules() if isinstance(module, GenerationMixin)]
    configs = [module.generation_config for module in generators]
    try:
        for module in generators:
            module.generation_config = config
        yield
    finally:
        for module, original in zip(generators, configs, strict=True):
            module.generation_config = original


class FiniteLogits(LogitsProcessor):
    """Records at which steps the logits of each row were finite; changes nothing."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []
        """bool [b] each."""

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.steps.append(finite_rows(scores))
        return scores


def keeps_keys(model: PreTrainedModel) -> bool:
    """Whether all that the network remembers of a text are keys and values, at positions that it can be told.

    For the others (Mamba, BLOOM) there is `generate_completions`.
    """
    if isinstance(model, PeftModel):
        model = model.get_base_model()
    layers = DynamicCache(config=model.config).layers
    return (
        not model._is_stateful
        and "position_ids" in inspect.signature(model.forward).parameters
        and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
    )


def _generate_batch(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Sequence[int]], max_new_tokens: int
) -> list[list[int]]:
    """The new tokens of each row, padding included."""
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    config = GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=max_new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=pad,
        use_cache=True,
    )
    device = next(model.parameters()).device
    input_ids = left_pad(rows, pad).to(device)
    attention_mask = left_pad([[1] * len(row) for row in rows], 0).to(device)  # `generate` wants integers
    finite = FiniteLogits()
    memory = explain_full_memory(f"{len(rows)} prompts", device)
    with memory, plain_generation(model, config), torch.inference_mode():
        output = model.generate(
            input_ids=input_ids,
            attention_mask=attention_mask,
            generation_config=config,
            logits_processor=LogitsProcessorList([finite]),
        )
    new_ids = output[:, input_ids.shape[1] :].tolist()
    refuse_not_finite(finite.steps, [len(until_eos(row, tokenizer.eos_token_id)) + 1 for row in new_ids])
    return new_ids


def until_eos(new_ids: list[int], eos: int) -> list[int]:
    """What stands before the first eos; everything without one."""
    return new_ids[: new_ids.index(eos)] if eos in new_ids else new_ids


def _completion(
    tokenizer: PreTrainedTokenizerBase, index: int, prompt_ids: list[int], new_ids: list[int]
) -> Completion:
    """Everything before the first eos, as text."""
    stopped = tokenizer.eos_token_id in new_ids
    words = until_eos(new_ids, tokenizer.eos_token_id)
    return Completion(index, decode_continuation(tokenizer, prompt_ids, words), stopped)


def decode_continuation(tokenizer: PreTrainedTokenizerBase, prompt_ids: list[int], new_ids: list[int]) -> str:
    """The text of `new_ids` as it stands behind the prompt, with its leading space.

    Decoded alone, the first word loses its space with tokenizers such as Llama-2's.
    """
    before, whole = (
        tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for ids in (prompt_ids, prompt_ids + new_ids)
    )
    if whole.startswith(before):
        return whole[len(before) :]
    # A character cut in two by the end of the prompt: the place where the continuation begins is unknown.
    return tokenizer.decode(new_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
