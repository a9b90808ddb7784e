"""Gives a rotary model the tokens that blank infilling needs: [MASK] and the one that begins a filled blank.

A blank ends with the eos token, which the model knows as an ending already.
"""

import dataclasses
import re

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Loaded
from reversal_cli.models.probing import refuse_ignored_mask, refuse_without_rotary
from reversal_cli.objectives.base import BlankTokens

GLM_4_TOKENS = ("[MASK]", "<sop>", "<eop>")
"""GLM-4 knows blanks: its own tokens are used."""
GLM_4_SENTENCE_MASK, GLM_4_LONG_MASK = "[sMASK]", "[gMASK]"
RESERVED = re.compile(r"<\|reserved_special_token_(\d+)\|>|<unused(\d+)>|\[unused(\d+)\]")
NEEDED = 2
SEED = 0


def with_blanks(loaded: Loaded, new: bool, objective: str) -> Loaded:
    """The model with tokens for blanks: its own, else ids that no text has, else rows added to its embeddings.

    The choice depends on tokenizer and table alone, so a model saved after training gets the same ids again. `new`:
    these are the checkpoint's weights, in which the rows of such ids mean nothing; they are drawn again, always alike.
    Raises ReversalError for a model without rotary positions, or whose attention would not take our mask as it is.
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    refuse_without_rotary(model, loaded.identity["name"], objective)
    if model.config._attn_implementation != "sdpa":
        raise ReversalError(
            f"model '{loaded.identity['name']}': its attention is '{model.config._attn_implementation}'; "
            f"{objective} needs 'sdpa', which takes a boolean mask as it is; choose another model or objective"
        )
    refuse_ignored_mask(model, loaded.identity["name"], objective)
    vocabulary, eos = tokenizer.get_vocab(), tokenizer.eos_token_id
    if all(token in vocabulary for token in GLM_4_TOKENS):
        mask, sop, eop = (vocabulary[token] for token in GLM_4_TOKENS)
        sentence_mask, long_mask = vocabulary.get(GLM_4_SENTENCE_MASK, mask), vocabulary.get(GLM_4_LONG_MASK)
        return _with(loaded, BlankTokens(mask, sentence_mask, long_mask, sop, eop, eos), ())
    ids = unused_ids(tokenizer, model.get_input_embeddings().num_embeddings)[:NEEDED]
    rows = model.get_input_embeddings().num_embeddings
    if len(ids) < NEEDED:
        added = NEEDED - len(ids)
        ids += range(rows, rows + added)
        model.resize_token_embeddings(rows + added, mean_resizing=False)
    if new:
        draw_rows(model, ids)
    mask, sop = ids
    return _with(loaded, BlankTokens(mask, mask, None, sop, eos, eos), tuple(ids))


def unused_ids(tokenizer: PreTrainedTokenizerBase, rows: int) -> list[int]:
    """Ids that no text is tokenized to: rows behind the vocabulary, then reserved tokens by number."""
    vocabulary = tokenizer.get_vocab()
    behind = list(range(max(vocabulary.values()) + 1, rows))
    reserved = {
        int(next(filter(None, match.groups()))): vocabulary[token]
        for token in vocabulary
        if (match := RESERVED.fullmatch(token))
    }
    return behind + [reserved[number] for number in sorted(reserved)]


@torch.no_grad()
def draw_rows(model: PreTrainedModel, ids: list[int]) -> None:
    """Writes the mean of all rows plus noise of their spread into rows `ids` of the embeddings, and of the output layer
    where it is another table."""
    tables = {id(table.weight): table.weight for table in _tables(model)}
    for weight in tables.values():
        generator = torch.Generator().manual_seed(SEED)
        noise = torch.randn(len(ids), weight.shape[1], generator=generator).to(weight)
        weight[ids] = _mean_of_others(weight, ids) + noise * weight.float().std().to(weight.dtype)


def _mean_of_others(weight: Tensor, ids: list[int]) -> Tensor:
    others = torch.ones(len(weight), dtype=torch.bool, device=weight.device)
    others[ids] = False
    return weight[others].float().mean(dim=0).to(weight.dtype)


def _tables(model: PreTrainedModel) -> list[nn.Embedding | nn.Linear]:
    return [model.get_input_embeddings(), model.get_output_embeddings()]


def _with(loaded: Loaded, blanks: BlankTokens, added: tuple[int, ...]) -> Loaded:
    masks = {mask for mask in (blanks.mask, blanks.sentence_mask, blanks.long_mask) if mask is not None}
    special = loaded.tokens.special | masks | {blanks.sop, blanks.eop}
    tokens = dataclasses.replace(loaded.tokens, blanks=blanks, special=special)
    return dataclasses.replace(loaded, tokens=tokens, added_rows=added)
