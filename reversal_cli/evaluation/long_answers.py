"""Answers with more tokens than a completion may have: they count as wrong, whatever the model knows."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reversal_cli.data.base import Subtask

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def long_answers(tokenizer: "PreTrainedTokenizerBase", subtasks: Iterable[Subtask], max_new_tokens: int) -> str | None:
    """A line that counts them and says how many tokens the longest needs; None if there are none."""
    found, longest = [], 0
    for subtask in subtasks:
        lengths = _lengths(tokenizer, subtask, max_new_tokens)
        if lengths:
            found.append(f"{len(lengths)} of {len(subtask.examples)} in {subtask.name}")
            longest = max(longest, *lengths)
    if not found:
        return None
    return (
        f"answers of more than {max_new_tokens} tokens (evaluation.max_new_tokens) count as wrong, since completions "
        f"end before: {', '.join(found)}; set it to {longest}"
    )


def _lengths(tokenizer: "PreTrainedTokenizerBase", subtask: Subtask, max_new_tokens: int) -> list[int]:
    """Tokens of each answer that has more than `max_new_tokens`, read with its prompt."""
    # A token has a byte or more.
    examples = [item for item in subtask.examples if len(item.completion.encode()) > max_new_tokens]
    if not examples:
        return []
    texts = tokenizer([example.text for example in examples])["input_ids"]
    prompts = tokenizer([example.prompt for example in examples])["input_ids"]
    lengths = [len(text) - len(prompt) for text, prompt in zip(texts, prompts, strict=True)]
    return [length for length in lengths if length > max_new_tokens]
