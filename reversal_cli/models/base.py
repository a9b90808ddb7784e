"""What the rest of the package knows of a model: the network, its tokenizer, and how text becomes rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from reversal_cli.data.base import Example
from reversal_cli.errors import ReversalError
from reversal_cli.objectives.base import Row, TokenIds


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network ready to train or to evaluate."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    identity: dict[str, Any]
    """Goes into the manifest: name, class, parameters, and hashes or the hub commit of the files."""


def token_ids(tokenizer: PreTrainedTokenizerBase) -> TokenIds:
    return TokenIds(pad=tokenizer.pad_token_id, special=frozenset(tokenizer.all_special_ids))


def tokenize(tokenizer: PreTrainedTokenizerBase, examples: Iterable[Example], max_length: int) -> list[Row]:
    """Each example as one row: the tokenizer's own beginning, prompt + completion, eos.

    Prompt and completion are tokenized as one text, as they will be read; the completion begins at the first token
    that reaches past the prompt. Raises ReversalError for a row of more than `max_length` tokens.
    """
    rows = []
    for number, example in enumerate(examples, start=1):
        encoded = tokenizer(example.text, return_offsets_mapping=True)
        ids = list(encoded["input_ids"])
        ends = [end for _, end in encoded["offset_mapping"]]
        if ids[-1] != tokenizer.eos_token_id:
            ids.append(tokenizer.eos_token_id)
        if len(ids) > max_length:
            raise ReversalError(
                f"training row {number}: {len(ids)} tokens; expected at most {max_length}; raise training.max_length"
            )
        start = next(index for index, end in enumerate(ends) if end > len(example.prompt))
        rows.append(Row(tuple(ids), start))
    return rows
