"""Completions of prompts: the model continues the text, or fills the blank at its end, as it was trained to."""

from collections.abc import Iterator, Sequence

from transformers import PreTrainedTokenizerBase

from reversal_cli.inference.answers import Completion
from reversal_cli.inference.batching import longest_first
from reversal_cli.inference.decode import decode_greedily
from reversal_cli.inference.finite import asking
from reversal_cli.inference.generate import decode_continuation, encode_prompt, generate_completions, keeps_keys
from reversal_cli.inference.prompts import Prompt, continued_prompt, ending_prompt, endings, refuse_long_prompt
from reversal_cli.models.base import Loaded
from reversal_cli.objectives.base import PromptLayout
from reversal_cli.spec.experiment import ObjectiveSpec


def complete_prompts(
    loaded: Loaded, objective: ObjectiveSpec, prompts: Sequence[str], max_new_tokens: int, batch_size: int
) -> Iterator[list[Completion]]:
    """Yields batches of greedy completions, longest prompts first. None depends on the batch it is in.

    Raises ReversalError if a prompt is too long for the model, a batch does not fit into memory, or logits are not
    finite.
    """
    tokens = loaded.tokens
    layout = objective.prompt_layout(tokens)
    encoded = [as_prompt(loaded, objective, encode_prompt(loaded.tokenizer, prompt)) for prompt in prompts]
    for prompt, text in zip(encoded, prompts, strict=True):
        refuse_long_prompt(prompt, text, max_new_tokens, loaded.max_position)
    if layout == PromptLayout() and not keeps_keys(loaded.model):
        yield from generate_completions(loaded.model, loaded.tokenizer, prompts, max_new_tokens, batch_size)
        return
    ends = endings(tokens) if layout.blank else frozenset({loaded.tokenizer.eos_token_id})
    loaded.model.eval()
    for indices in longest_first(range(len(prompts)), lambda index: len(encoded[index].input_ids), batch_size):
        with asking([prompts[index] for index in indices]):
            rows = decode_greedily(loaded.model, [encoded[index] for index in indices], max_new_tokens, ends)
        yield [
            Completion(index, answer_text(loaded, layout, encoded[index], row, ends), row[-1] in ends)
            for index, row in zip(indices, rows, strict=True)
        ]


def as_prompt(loaded: Loaded, objective: ObjectiveSpec, ids: Sequence[int]) -> Prompt:
    """The ids of a prompt (without eos) as the objective taught the model to read it."""
    layout = objective.prompt_layout(loaded.tokens)
    return (ending_prompt if layout.blank else continued_prompt)(ids, loaded.tokens, layout)


def answer_text(loaded: Loaded, layout: PromptLayout, prompt: Prompt, new_ids: list[int], ends: frozenset[int]) -> str:
    """The words of an answer, as they stand behind the prompt or in the blank."""
    if layout.blank or loaded.tokens.two_row_positions:
        return text_of(loaded.tokenizer, new_ids, ends)
    words = new_ids[:-1] if new_ids[-1] in ends else new_ids
    wordless = {*loaded.tokens.extra, *loaded.tokens.of_transform}
    read = [token for token in prompt.input_ids if token not in wordless]
    return decode_continuation(loaded.tokenizer, read, [token for token in words if token not in wordless])


def text_of(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], ends: frozenset[int]) -> str:
    """The words of a completion; ids that the tokenizer does not know (rows that pad the table) are left out."""
    known = range(len(tokenizer))
    words = [token for token in ids if token not in ends and token in known]
    return tokenizer.decode(words, skip_special_tokens=True, clean_up_tokenization_spaces=False)
