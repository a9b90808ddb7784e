"""Answers with more tokens than a completion may have: `contains` counts them as wrong, whatever the model knows."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reversal_cli.data.base import Subtask

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def long_answers(tokenizer: "PreTrainedTokenizerBase", subtasks: Iterable[Subtask], max_new_tokens: int) -> str | None:
    """A line that counts the answers of more than `max_new_tokens`; None if there are none."""
    found, longest = [], 0
    for subtask in subtasks:
        lengths = _lengths(tokenizer, subtask, max_new_tokens)
        if lengths:
            found.append(f"{lengths.total()} of {len(subtask.examples)} in {subtask.name}")
            longest = max(longest, *lengths)
    if not found:
        return None
    return (
        f"answers of more than {max_new_tokens} tokens are cut off, so that contains counts them as wrong: "
        f"{', '.join(found)}; a run with evaluation.max_new_tokens = {longest} has room for them"
    )


def _lengths(tokenizer: "PreTrainedTokenizerBase", subtask: Subtask, max_new_tokens: int) -> Counter[int]:
    """Tokens -> how many answers have as many, of those with more than `max_new_tokens`.

    A text that is an answer to several prompts is read behind the first of them alone: a large benchmark has millions.
    """
    counts = Counter(example.completion for example in subtask.examples)
    firsts = {example.completion: example for example in reversed(subtask.examples)}
    lengths: Counter[int] = Counter()
    for completion, example in firsts.items():
        if len(completion.encode()) > max_new_tokens:  # a token has a byte or more
            length = len(tokenizer(example.text)["input_ids"]) - len(tokenizer(example.prompt)["input_ids"])
            lengths[length] += counts[completion] * (length > max_new_tokens)
    return +lengths
