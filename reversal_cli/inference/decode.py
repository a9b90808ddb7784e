"""Greedy decoding with a key-value cache: continuing a text, and filling a blank, in batches that shrink."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from reversal_cli.inference.batching import explain_full_memory
from reversal_cli.inference.denoise import denoise_greedily
from reversal_cli.inference.finite import likeliest_tokens
from reversal_cli.inference.prompts import Prompt, is_causal, lay_out_batch, rows_as_expected
from reversal_cli.inference.unmask import unmask_greedily


@torch.inference_mode()
def decode_greedily(
    model: PreTrainedModel, prompts: Sequence[Prompt], max_new_tokens: int, ends: frozenset[int]
) -> list[list[int]]:
    """The new tokens of each prompt, the one of `ends` that stopped it included: with a key-value cache, or denoised.

    Raises ReversalError if the batch does not fit into memory, or a row's logits are not finite.
    """
    device = next(model.parameters()).device
    with explain_full_memory(f"{len(prompts)} prompts", device):
        if denoising := prompts[0].denoising:
            denoise = unmask_greedily if denoising.unmasking else denoise_greedily
            return denoise(model, prompts, max_new_tokens, ends)
        return _decode(model, prompts, max_new_tokens, ends, device)


def _decode(
    model: PreTrainedModel, prompts: Sequence[Prompt], max_new_tokens: int, ends: frozenset[int], device: torch.device
) -> list[list[int]]:
    input_ids, position_ids, attention_mask = lay_out_batch(prompts, device)
    keys = attention_mask[:, 0, -1]  # [b, s]: what a new token sees
    if is_causal(prompts):
        attention_mask = keys
    step = torch.tensor([prompt.step for prompt in prompts], device=device)[..., None]  # [b, rows, 1]
    written: list[list[int]] = [[] for _ in prompts]
    unfinished = list(range(len(prompts)))
    cache = None
    for _ in range(max_new_tokens):
        output = model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=rows_as_expected(position_ids),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits, cache = output.logits[:, -1], output.past_key_values
        chosen = likeliest_tokens(logits, unfinished)  # [b]
        tokens = chosen.tolist()
        for row, token in zip(unfinished, tokens, strict=True):
            written[row].append(token)
        rest = [index for index, token in enumerate(tokens) if token not in ends]
        if not rest:
            break
        if len(rest) < len(unfinished):  # what is finished need not be computed any longer
            unfinished = [unfinished[index] for index in rest]
            kept = torch.tensor(rest, device=device)
            cache.batch_select_indices(kept)
            chosen, position_ids, step, keys = (tensor[kept] for tensor in (chosen, position_ids, step, keys))
        input_ids, position_ids = chosen[:, None], position_ids[..., -1:] + step
        keys = torch.cat([keys, torch.ones_like(keys[:, :1])], dim=1)
        attention_mask = keys if is_causal(prompts) else keys[:, None, None]  # [b, 1, 1, keys]
    return written
