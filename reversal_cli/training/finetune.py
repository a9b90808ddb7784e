"""Fine-tunes a model with any objective, on `transformers.Trainer`.

What is ours: the batches (`BatchPlan` and the objective's `collate`), and a loss that computes logits only where there
is a label. Order, coins and masks depend on nothing but (seed, epoch, example index), so a resumed training sees what
an uninterrupted one would have seen.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import PrinterCallback, TrainerCallback, TrainingArguments, set_seed

from reversal_cli.data.base import Splits
from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import save_folder
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.base import Loaded, refuse_long_rows, tokenize
from reversal_cli.models.families import FAMILIES
from reversal_cli.models.loading import load_for_training
from reversal_cli.models.precision import arithmetic, choose_device, choose_dtype
from reversal_cli.models.probing import UNRUNNABLE, refuse_ignored_mask, refuse_without_rotary, run_once
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import TrainingFacts
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.training.batching import BatchPlan
from reversal_cli.training.curve import Curve
from reversal_cli.training.finite_steps import refuse_unusable_weights
from reversal_cli.training.resumption import NEW, Found, SealedCheckpoints, find_checkpoint, remove_unusable
from reversal_cli.training.trainer import (
    Collator,
    EvaluatedEpochs,
    ObjectiveTrainer,
    OnLog,
    OnStep,
    Reporter,
    Task,
)


class Trained(NamedTuple):
    """What the manifest says of a training whose weights are saved."""

    facts: TrainingFacts
    model: dict[str, Any]
    """Which checkpoint it began with."""


def train(
    spec: ExperimentSpec,
    splits: Splits,
    run: RunDirectory,
    on_step: OnStep,
    say: Callable[[str], None],
    begin: Callable[[], None] = lambda: None,
) -> Trained:
    """Fine-tunes and saves adapter/ or model/ into the run directory. `say` gets one line about each evaluation along
    training, and one about the checkpoint that an interrupted training continues from; the checkpoints stay until the
    manifest is written. `begin` is called when the base is loaded and the rows fit, before anything of the run
    directory is read or written."""
    set_seed(spec.seed)
    loaded = load_for_training(spec)
    rows = tokenize(loaded.tokenizer, splits.train, spec.training.max_length)
    refuse_long_rows(rows, loaded.max_position)
    spec.objective.check(rows)
    model = prepare_model(loaded, spec)
    task = Task(rows, loaded.tokens, spec.objective, spec.training, spec.seed)
    begin()
    found = find_checkpoint(run.checkpoints_path)
    if line := found.line(run.checkpoints_path):
        say(line)
    callbacks = []
    if spec.training.eval_every is not None:
        curve = Curve(run, loaded, spec, splits, on_step, say)
        curve.refuse_other_prompts(found.step)  # before the files are trimmed: a refusal leaves them as they were
        callbacks = [EvaluatedEpochs(spec.training, curve.add_epoch)]
    kept = run.trim_log(found.step)
    seconds = kept[-1].seconds if kept else 0.0
    run.trim_curve(found.step)
    facts = fit(model, task, run.checkpoints_path, on_step, run.append_log, found, seconds, callbacks)
    folder = run.adapter_path if spec.training.tuning == "lora" else run.model_path
    save_folder(folder, lambda temporary: save(model, loaded, temporary))
    return Trained(facts, loaded.identity)


def prepare_model(loaded: Loaded, spec: ExperimentSpec) -> nn.Module:
    """The network as it is trained: with what saves memory, the objective's attention, and LoRA."""
    if spec.training.gradient_checkpointing:
        loaded.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if spec.objective.mirrored and loaded.tokens.family == "rotary":
        name = loaded.identity["name"]
        refuse_without_rotary(loaded.model, name, "BICO")
        install_mirrored_attention(loaded.model)
        refuse_ignored_mask(loaded.model, name, "BICO")
    return add_lora(loaded, spec.training) if spec.training.tuning == "lora" else loaded.model


def add_lora(loaded: Loaded, training: TrainingSpec) -> nn.Module:
    """LoRA on every linear layer except the output layer; embedding rows of added tokens are trained as they are."""
    model, family = loaded.model, FAMILIES[loaded.tokens.family]
    table = next(name for name, module in model.named_modules() if module is model.get_input_embeddings())
    config = LoraConfig(
        r=training.lora.r,
        lora_alpha=training.lora.alpha,
        lora_dropout=training.lora.dropout,
        target_modules=family.lora_targets,
        trainable_token_indices={table: list(loaded.added_rows)} if loaded.added_rows else None,
        bias="none",
        # peft's own wrapper of causal models expects transformers' `generate`, which GLM has not.
        task_type="CAUSAL_LM" if loaded.tokens.family == "rotary" else None,
    )
    try:
        adapted = get_peft_model(model, config).eval()  # Trainer sets it to training; until then nothing is drawn
        if loaded.tokens.family == "rotary":
            run_once(adapted)
        return adapted
    except UNRUNNABLE as error:
        reason = " ".join(str(error).split())[:160]
        raise ReversalError(
            f"model '{loaded.identity['name']}': LoRA cannot train a {type(model).__name__} ({reason}); expected "
            "linear layers that LoRA knows; pass --full, or set training.lora.dropout = 0 for a mixture of experts"
        ) from None


def save(model: nn.Module, loaded: Loaded, folder: Path) -> None:
    """Weights and tokenizer, in the formats of peft and transformers. Raises ReversalError for weights not finite."""
    refuse_unusable_weights(model, "at the end")
    model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


def fit(
    model: nn.Module,
    task: Task,
    checkpoints: Path,
    on_step: OnStep,
    on_log: OnLog,
    found: Found = NEW,
    seconds_before: float = 0.0,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingFacts:
    """Trains `model` in place, from the checkpoint `found` if there is one. Returns the facts of the training.

    Removes the checkpoints that cannot be used. `seconds_before` is what an interrupted training took up to the one
    that is; times include evaluations on the way.
    """
    training = task.training
    device = choose_device(training.device)
    dtype = choose_dtype(training.dtype, device)
    plan = BatchPlan([len(row.input_ids) for row in task.rows], training.batch_size, training.epochs, task.seed)
    steps_per_epoch = plan.batches_per_epoch
    stop = training.last_epoch * steps_per_epoch
    reporter = Reporter(stop, steps_per_epoch, on_step, on_log, seconds_before)
    trainer = ObjectiveTrainer(
        plan,
        Collator(task),
        model=model,
        args=trainer_arguments(task, checkpoints, steps_per_epoch, dtype, device),
        callbacks=[reporter, SealedCheckpoints(checkpoints), *callbacks],
    )
    started = time.monotonic()
    remove_unusable(checkpoints, found)
    with out_of_memory_is_told(training):
        _train_on(trainer, found, stop)
    return TrainingFacts(
        **_work_done(plan, trainer.state.global_step, stop),
        wall_seconds=round(seconds_before + time.monotonic() - started, 1),
        resumed=found.checkpoint is not None,
        **arithmetic(dtype, device).content(),
        **_sizes(model),
    )


def _train_on(trainer: ObjectiveTrainer, found: Found, stop: int) -> None:
    """Up to the step `stop`. Trainer itself would take another one after the last of a schedule that is cut short."""
    trainer.remove_callback(PrinterCallback)
    if found.checkpoint and found.step >= stop:
        trainer.restore(found.checkpoint, found.step)
    else:
        trainer.train(resume_from_checkpoint=str(found.checkpoint) if found.checkpoint else None)


def _work_done(plan: BatchPlan, steps: int, stop: int) -> dict[str, float]:
    """Optimizer steps, the epochs they make, and the tokens of the first `stop` batches."""
    batches = itertools.islice(plan, stop)
    return {
        "steps": steps,
        "epochs": steps / plan.batches_per_epoch,
        "tokens": sum(int(plan.lengths[key.index]) for batch in batches for key in batch),
    }


def _sizes(model: nn.Module) -> dict[str, int]:
    return {
        "total_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


@contextlib.contextmanager
def out_of_memory_is_told(training: TrainingSpec) -> Iterator[None]:
    """A full GPU is the user's to mend: one line instead of a traceback."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ReversalError(
            f"training: the GPU is out of memory at training.batch_size = {training.batch_size}; expected room for a "
            "step; lower it, set training.gradient_checkpointing = true, or train with --lora"
        ) from error


def trainer_arguments(
    task: Task, checkpoints: Path, steps_per_epoch: int, dtype: torch.dtype, device: torch.device
) -> TrainingArguments:
    training = task.training
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=training.epochs * steps_per_epoch,
        per_device_train_batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        lr_scheduler_type="constant_with_warmup" if training.schedule == "constant" else training.schedule,
        warmup_steps=training.warmup_steps,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        optim="adamw_torch_fused" if device.type in {"cpu", "cuda"} else "adamw_torch",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=device.type == "cpu",
        seed=task.seed,
        save_strategy="steps",
        save_steps=steps_per_epoch,
        logging_steps=10,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
    )
    # Otherwise Trainer splits each batch over every GPU it sees, and our planned batches are whole steps.
    arguments._n_gpu = min(1, arguments.n_gpu)
    # Otherwise ACCELERATE_MIXED_PRECISION in the environment would decide where the spec says float32.
    arguments.mixed_precision = {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(dtype, "no")
    return arguments
