"""Tokens without a meaning, which an objective gives one: ids that no text has, else rows added to the embeddings."""

import dataclasses
import re

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from reversal_cli.errors import ReversalError
from reversal_cli.models.base import Loaded
from reversal_cli.objectives.base import LENT_BY_GLM

RESERVED = re.compile(r"<\|reserved_special_token_(\d+)\|>|<unused(\d+)>|\[unused(\d+)\]")
SEED = 0


def with_extra_tokens(loaded: Loaded, count: int, new: bool, objective: str) -> Loaded:
    """The model with `count` tokens in `TokenIds.extra`; a GLM gives its mask and its sop.

    Raises ReversalError for a GLM that has fewer: all the ids of its tables have a meaning.
    """
    if loaded.family == "glm":
        own = (loaded.tokens.blanks.mask, loaded.tokens.blanks.sop)
        if count > LENT_BY_GLM:
            raise ReversalError(
                f"model '{loaded.identity['name']}': {objective} needs {count} tokens without a meaning; a GLM of 2022 "
                f"has {LENT_BY_GLM} to lend, its mask and its sop; choose a model with rotary positions"
            )
        return _with(loaded, own[:count], ())
    spare = spare_tokens(loaded, count, new)
    return _with(loaded, spare, spare)


def _with(loaded: Loaded, extra: tuple[int, ...], added: tuple[int, ...]) -> Loaded:
    tokens = dataclasses.replace(loaded.tokens, extra=extra, special=loaded.tokens.special | set(extra))
    return dataclasses.replace(loaded, tokens=tokens, added_rows=added)


def spare_tokens(loaded: Loaded, count: int, new: bool) -> tuple[int, ...]:
    """Ids that no text has, with rows in the model's embeddings.

    The choice depends on tokenizer and table alone, so a model saved after training gets the same ids again. `new`:
    these are the checkpoint's weights, in which the rows of such ids mean nothing; they are drawn again, always alike.
    """
    model = loaded.model
    rows = model.get_input_embeddings().num_embeddings
    ids = unused_ids(loaded.tokenizer, rows)[:count]
    if len(ids) < count:
        added = count - len(ids)
        ids += range(rows, rows + added)
        model.resize_token_embeddings(rows + added, mean_resizing=False)
    if new:
        draw_rows(model, ids)
    return tuple(ids)


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
