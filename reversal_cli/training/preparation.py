"""The model and the rows of a spec, ready to train."""

from collections.abc import Sequence
from typing import NamedTuple

from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import set_seed

from reversal_cli.data.base import Splits, Subtask
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.evaluate import control_subtasks
from reversal_cli.inference.complete import as_prompt
from reversal_cli.inference.generate import encode_prompt
from reversal_cli.inference.prompts import refuse_long_prompt
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.base import Loaded, refuse_long_rows, tokenize
from reversal_cli.models.families import FAMILIES, is_mirrored
from reversal_cli.models.loading import load_for_training
from reversal_cli.models.probing import UNRUNNABLE, refuse_ignored_mask, refuse_without_rotary, run_once
from reversal_cli.objectives.base import Row
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.training.trainer import TrainingJob


class Prepared(NamedTuple):
    """All that a training needs but its run directory."""

    loaded: Loaded
    model: nn.Module
    """The network of `loaded`, with LoRA if it is trained that way."""
    job: TrainingJob


def prepare_job(spec: ExperimentSpec, splits: Splits) -> Prepared:
    """The model of a spec ready to train, and its rows. Raises ReversalError if they do not fit."""
    set_seed(spec.seed)
    loaded = load_for_training(spec)
    rows = prepare_rows(loaded, spec, splits)
    model = prepare_model(loaded, spec)
    training, transform = spec.shortened_training, spec.transform
    return Prepared(loaded, model, TrainingJob(rows, loaded.tokens, spec.objective, training, spec.seed, transform))


def prepare_rows(loaded: Loaded, spec: ExperimentSpec, splits: Splits) -> Sequence[Row]:
    """The training rows after the transform. Raises ReversalError if the model or the objective cannot take one."""
    examples = spec.transform.examples(splits.train, spec.seed)
    rows = spec.transform.rows(tokenize(loaded.tokenizer, examples, spec.training.max_length), loaded.tokens)
    forms = [*rows, *(row.alternative for row in rows if row.alternative)]
    refuse_long_rows(forms, loaded.max_position, lambda length: spec.objective.trained_length(length, loaded.tokens))
    spec.objective.check(forms)
    return rows


def refuse_long_prompts(loaded: Loaded, spec: ExperimentSpec, splits: Splits) -> None:
    """Raises ReversalError for a prompt of the evaluations that the model has no positions for: a training keeps their
    settings."""
    if loaded.max_position is None:
        return
    validation = splits.validation if spec.training.eval_every is not None else {}
    _refuse_long_prompts(loaded, spec, [*splits.subtasks.values(), *validation.values()])
    if not splits.subtasks:
        return
    for subtasks in control_subtasks(splits, spec.evaluation).values():
        try:
            _refuse_long_prompts(loaded, spec, list(subtasks.values()))
        except ReversalError as error:
            raise ReversalError(f"{error}, or leave out the controls (evaluation.controls = false)") from None


def _refuse_long_prompts(loaded: Loaded, spec: ExperimentSpec, subtasks: Sequence[Subtask]) -> None:
    for text in dict.fromkeys(example.prompt for subtask in subtasks for example in subtask.examples):
        prompt = as_prompt(loaded, spec.objective, encode_prompt(loaded.tokenizer, text))
        refuse_long_prompt(prompt, text, spec.evaluation.max_new_tokens, loaded.max_position)


def prepare_model(loaded: Loaded, spec: ExperimentSpec) -> nn.Module:
    """The network ready to train: gradient checkpointing, the attention of the objective, and LoRA."""
    if spec.training.gradient_checkpointing:
        loaded.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if is_mirrored(spec.objective, loaded.tokens):
        name, objective = loaded.identity["name"], spec.objective.name.upper()
        refuse_without_rotary(loaded.model, name, objective)
        install_mirrored_attention(loaded.model)
        refuse_ignored_mask(loaded.model, name, objective)
    return add_lora(loaded, spec.training) if spec.training.tuning == "lora" else loaded.model


def add_lora(loaded: Loaded, training: TrainingSpec) -> nn.Module:
    """LoRA on every linear layer except the output layer; embedding rows of added tokens are trained as they are."""
    model, family = loaded.model, FAMILIES[loaded.family]
    table = next(name for name, module in model.named_modules() if module is model.get_input_embeddings())
    config = LoraConfig(
        r=training.lora.r,
        lora_alpha=training.lora.alpha,
        lora_dropout=training.lora.dropout,
        target_modules=family.lora_targets,
        trainable_token_indices={table: list(loaded.added_rows)} if loaded.added_rows else None,
        bias="none",
        task_type=family.lora_task,
    )
    try:
        adapted = get_peft_model(model, config).eval()  # Trainer sets it to training; until then nothing is drawn
        if not loaded.tokens.two_row_positions:  # the probe has one row
            run_once(adapted)
        return adapted
    except UNRUNNABLE as error:
        reason = " ".join(str(error).split())[:160]
        raise ReversalError(
            f"model '{loaded.identity['name']}': LoRA cannot train a {type(model).__name__} ({reason}); expected "
            "linear layers that LoRA knows; pass --full, or set training.lora.dropout = 0 for a mixture of experts"
        ) from None
