"""The published evaluation loop and lm-evaluation-harness on the same prompts and candidate answers."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from reversal_cli.bench.eval_speed import PROMPTS, QUESTIONS, complete, rank_candidates, sample_prompts
from reversal_cli.bench.measure import seconds_of
from reversal_cli.bench.turns import Turns
from reversal_cli.data.base import Splits
from reversal_cli.evaluation.predictions import select_examples
from reversal_cli.models.base import Loaded
from reversal_cli.models.families import load_checkpoint
from reversal_cli.models.precision import choose_device, choose_dtype
from reversal_cli.scoring.ranking import Answers
from reversal_cli.spec.experiment import ExperimentSpec

PUBLISHED_BATCH = 10
"""Prompts per batch in the published evaluation, in file order (Lv et al., arXiv 2311.07468)."""


def evaluation_turns(spec: ExperimentSpec, splits: Splits, harness: bool) -> Iterator[Turns]:
    """Ours beside the published loop, and beside lm-eval if it is to be timed."""
    device = choose_device(spec.training.device)
    loaded = load_checkpoint(spec, choose_dtype(spec.training.dtype, device), device)
    prompts = sample_prompts(splits, PROMPTS)
    limit = spec.evaluation.max_new_tokens

    def timed(work: Callable[..., object], *arguments: Any) -> Callable[[], float]:
        return lambda: seconds_of(lambda: work(*arguments), device)

    ours = timed(complete, loaded, spec, prompts)
    published = timed(published_loop, loaded, prompts, limit)
    yield Turns(f"generate, batches of {PUBLISHED_BATCH}", "prompts", len(prompts), ours, published)
    if harness:
        model, pairs = _harness_model(loaded, spec.evaluation.batch_size), candidate_pairs(splits)
        ranking = timed(rank_candidates, loaded, spec, splits)
        yield Turns("lm-eval", "prompts", len(prompts), ours, timed(harness_generate, model, prompts, limit))
        yield Turns("lm-eval", "ranked candidates", len(pairs), ranking, timed(harness_rank, model, pairs))


@torch.inference_mode()
def published_loop(loaded: Loaded, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
    """Completions as the published code makes them: batches in file order, each until its last row has ended."""
    texts: list[str] = []
    for start in range(0, len(prompts), PUBLISHED_BATCH):
        batch = list(prompts[start : start + PUBLISHED_BATCH])
        inputs = loaded.tokenizer(
            batch, return_tensors="pt", padding=True, padding_side="left", return_token_type_ids=False
        ).to(loaded.model.device)
        output = loaded.model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=loaded.tokenizer.eos_token_id,
            pad_token_id=loaded.tokenizer.pad_token_id,
        )
        new_ids = output[:, inputs["input_ids"].shape[1] :]
        texts += loaded.tokenizer.batch_decode(new_ids, skip_special_tokens=True)
    return texts


def candidate_pairs(splits: Splits) -> list[tuple[str, str]]:
    """(prompt, candidate answer) of every question that `rank_candidates` asks."""
    pairs = []
    for subtask in splits.subtasks.values():
        answers = Answers.of(splits, subtask.target)
        for row in select_examples(subtask.examples, QUESTIONS):
            example = subtask.examples[row]
            pairs += [(example.prompt, answer) for answer in answers.candidates(example).values()]
    return pairs


def harness_generate(model: Any, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
    """Greedy completions of lm-eval."""
    options = {"until": [], "do_sample": False, "max_gen_toks": max_new_tokens}
    return model.generate_until(_requests("generate_until", [(prompt, options) for prompt in prompts]), True)


def harness_rank(model: Any, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
    """Log-probability of each candidate in lm-eval, and whether it is the greedy one."""
    return model.loglikelihood(_requests("loglikelihood", pairs), True)


def _requests(kind: Any, arguments: Sequence[tuple]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, pair, index) for index, pair in enumerate(arguments)]


def _harness_model(loaded: Loaded, batch_size: int) -> Any:
    from lm_eval.models.huggingface import HFLM

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of a model that is loaded already
    device = str(loaded.model.device)
    return HFLM(loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size, device=device)
