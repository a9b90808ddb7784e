"""How a model answers a prompt: it continues the text, or fills the blank at its end, as it was trained to."""

from collections.abc import Iterator, Sequence

from transformers import PreTrainedTokenizerBase

from reversal_cli.inference.answers import Completion
from reversal_cli.inference.fill import (
    Prompt,
    begun_prompt,
    causal_prompt,
    ending_prompt,
    endings,
    refuse_long_prompts,
    write,
)
from reversal_cli.inference.finite import asking
from reversal_cli.inference.generate import encode_prompt, generate_completions
from reversal_cli.models.base import Loaded
from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.ntp import FIRST_PREDICTED, Ntp
from reversal_cli.spec.experiment import ObjectiveSpec


def complete_prompts(
    loaded: Loaded, objective: ObjectiveSpec, prompts: Sequence[str], max_new_tokens: int, batch_size: int
) -> Iterator[list[Completion]]:
    """Yields batches of greedy completions, longest prompts first. None depends on the batch it is in.

    Raises ReversalError when a prompt is too long for the model, a batch does not fit into memory, or logits are not
    finite.
    """
    fills = objective.fills_blanks(loaded.tokens.family)
    if loaded.tokens.family == "rotary" and not fills:
        yield from generate_completions(loaded.model, loaded.tokenizer, prompts, max_new_tokens, batch_size)
        return
    tokens = loaded.tokens
    encoded = [as_prompt(loaded, objective, encode_prompt(loaded.tokenizer, prompt)) for prompt in prompts]
    refuse_long_prompts(encoded, max_new_tokens, loaded.max_position)
    ends = endings(tokens) if fills else frozenset({loaded.tokenizer.eos_token_id})
    longest_first = sorted(range(len(prompts)), key=lambda index: -len(encoded[index].input_ids))
    loaded.model.eval()
    for start in range(0, len(prompts), batch_size):
        indices = longest_first[start : start + batch_size]
        with asking([prompts[index] for index in indices]):
            rows = write(loaded.model, [encoded[index] for index in indices], max_new_tokens, ends)
        yield [
            Completion(index, text_of(loaded.tokenizer, row, ends), row[-1] in ends)
            for index, row in zip(indices, rows, strict=True)
        ]


def as_prompt(loaded: Loaded, objective: ObjectiveSpec, ids: Sequence[int]) -> Prompt:
    """The ids of a prompt (without eos) as the objective taught the model to read it."""
    tokens = loaded.tokens
    if not objective.fills_blanks(tokens.family):
        return causal_prompt(ids, tokens.family)
    long_mask = objective.prompt_mask(tokens.blanks)
    if isinstance(objective, Ntp) and objective.glm_prompt == "in_blank":
        return begun_prompt(ids, min(FIRST_PREDICTED, len(ids)), tokens, long_mask, "after_mask")
    choice = objective.span_positions if isinstance(objective, Abi) else "after_mask"
    return ending_prompt(ids, tokens, long_mask, choice)


def text_of(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], ends: frozenset[int]) -> str:
    """The words of a completion; ids that the tokenizer does not know (rows that pad the table) are left out."""
    known = range(len(tokenizer))
    kept = [token for token in ids if token not in ends and token in known]
    return tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
