"""A loaded model as the rest of the package sees it: the network, its tokenizer, and how text becomes rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import pre_tokenizers
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from reversal_cli.data.base import Example
from reversal_cli.data.mentions import find_mentions
from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import FamilyName, Item, Row, Span, TokenIds
from reversal_cli.spec.experiment import ModelSpec

SENTENCE_MARKS = ".?!;:\n\u3002\uff1f\uff01\uff1b\uff1a\u2026"
"""GLM's pretraining cuts sentences at tokens that contain one of these: full stop and so on, also in Chinese."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network ready to train or to evaluate."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    identity: dict[str, Any]
    """Goes into the manifest: name, class, parameters, and hashes or the hub commit of the files."""
    tokens: TokenIds
    max_position: int | None = None
    """The largest position the model has, from 0; None: it computes what it needs for any."""
    added_rows: tuple[int, ...] = ()
    """Embedding rows that training must not leave frozen: tokens the checkpoint did not know."""
    family: FamilyName = "rotary"


@dataclass(frozen=True, slots=True)
class Family:
    """How models of one architecture are loaded and adapted."""

    load: Callable[[ModelSpec, torch.dtype, torch.device], Loaded]
    lora_targets: str | list[str]
    """Linear layers that LoRA trains, as peft names them."""
    lora_task: str | None
    """peft's wrapper for the network; None: one that expects nothing of it."""


def tokenize(tokenizer: PreTrainedTokenizerBase, examples: Iterable[Example], max_length: int) -> list[Row]:
    """Each example as one row: the tokenizer's own beginning, prompt + completion, eos.

    Prompt and completion are tokenized as one text, as they will be read; the completion begins at the first token
    that reaches past the prompt. Raises ReversalError for a row of more than `max_length` tokens.
    """
    rows = []
    for number, example in enumerate(examples, start=1):
        encoded = tokenizer(example.text, return_offsets_mapping=True)
        ids = list(encoded["input_ids"])
        offsets = encoded["offset_mapping"]
        if ids[-1] != tokenizer.eos_token_id:
            ids.append(tokenizer.eos_token_id)
        if len(ids) > max_length:
            raise ReversalError(
                f"training row {number}: {len(ids)} tokens; expected at most {max_length}; raise training.max_length"
            )
        start = _token_after(len(example.prompt), offsets)
        marks = tuple(_token_after(mark, offsets) for mark in example.marks)
        rows.append(Row(tuple(ids), start, find_items(example, offsets), marks))
    return rows


def _token_after(character: int, offsets: Sequence[Span]) -> int:
    """The first token that reaches past a character."""
    return next(index for index, (_, end) in enumerate(offsets) if end > character)


def find_items(example: Example, offsets: Sequence[Span]) -> tuple[Item, ...]:
    """The name and the description in the example's text, if they are there.

    offsets: first and last character of each token; special tokens are empty.
    """
    return tuple(
        Item(mention.kind, _token_span(mention.span, offsets), mention.whole) for mention in find_mentions(example)
    )


def _token_span(characters: Span, offsets: Sequence[Span]) -> Span:
    """The tokens that have some of these characters."""
    first, last = characters
    inside = [index for index, (start, end) in enumerate(offsets) if start < last and end > max(first, start)]
    return inside[0], inside[-1] + 1


def sentence_ends(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids of the tokens that contain a sentence mark, as it is or as byte-level tokenizers write it."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    marks = set(SENTENCE_MARKS) | {byte_level.pre_tokenize_str(mark)[0][0] for mark in SENTENCE_MARKS}
    special = set(tokenizer.all_special_tokens)
    return frozenset(
        token_id
        for token, token_id in tokenizer.get_vocab().items()
        if token not in special and any(mark in token for mark in marks)
    )


def refuse_long_rows(
    rows: Sequence[Row], max_position: int | None, trained_length: Callable[[int], int] = lambda length: length
) -> None:
    """Raises ReversalError for a row that the model has no positions for.

    trained_length: what a row's length becomes in training.
    """
    for number, row in enumerate(rows, start=1):
        length = trained_length(len(row.input_ids))
        laid_out = f", {length} as it is trained" if length != len(row.input_ids) else ""
        if max_position is not None and length > max_position + 1:
            raise ReversalError(
                f"training row {number}: {len(row.input_ids)} tokens{laid_out}; expected at most {max_position + 1}, "
                "the positions this model has; shorten the row or choose another model"
            )
