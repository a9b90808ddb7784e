"""Questions to a model dealt to several processes: each answers every n-th batch, and all of them get every answer.

The batches are those of a single process, so that the arithmetic of each answer is the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from transformers import PreTrainedTokenizerBase

from reversal_cli.data.base import Example
from reversal_cli.inference.answers import Complete, Completion, Measured
from reversal_cli.inference.batching import longest_first
from reversal_cli.inference.generate import encode_prompt
from reversal_cli.processes.place import place
from reversal_cli.processes.together import from_each

Answer = TypeVar("Answer")


def deal_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], batch_size: int, complete: Complete
) -> Iterator[list[Completion]]:
    """What `complete` yields for all prompts in a single process."""
    lengths = [len(encode_prompt(tokenizer, prompt)) for prompt in prompts]

    def answer(indices: Sequence[int]) -> Iterator[Completion]:
        for item in chain.from_iterable(complete([prompts[index] for index in indices])):
            yield item._replace(index=indices[item.index])

    return _dealt(longest_first(range(len(prompts)), lambda index: lengths[index], batch_size), answer)


def deal_rows(
    examples: Sequence[Example],
    rows: Sequence[int],
    batch_size: int,
    measure: Callable[[Sequence[int]], Iterable[Sequence[Measured]]],
) -> Iterator[list[Measured]]:
    """What `measure` yields for all rows in a single process; they are indices of the examples."""
    batches = longest_first(rows, lambda row: len(examples[row].prompt), batch_size)
    return _dealt(batches, lambda batch: chain.from_iterable(measure(batch)))


def _dealt(
    batches: Iterable[Sequence[int]], answer: Callable[[Sequence[int]], Iterable[Answer]]
) -> Iterator[list[Answer]]:
    """Answers by batches, one from each process at a time: then the processes wait for the slowest of them.

    Every process must have the same batches, and take all answers.
    """
    here, all_batches = place(), list(batches)
    for start in range(0, len(all_batches), here.processes):
        mine = all_batches[start + here.rank : start + here.processes][:1]
        yield from filter(None, from_each([item for batch in mine for item in answer(batch)]))
