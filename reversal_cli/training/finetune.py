"""Fine-tunes a model with any objective, on `transformers.Trainer`.

This package adds the batches (`BatchPlan` and the objective's `collate`), and a loss that computes logits only where
there is a label. Order, coins and masks depend on nothing but (seed, epoch, example index), so a resumed training sees
the same batches as an uninterrupted one.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, set_seed

from reversal_cli.data.base import Splits
from reversal_cli.errors import ReversalError
from reversal_cli.files.folders import save_folder
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.models.base import Loaded, refuse_long_rows, tokenize
from reversal_cli.models.cpu_attention import install_float32_attention
from reversal_cli.models.families import FAMILIES
from reversal_cli.models.loading import load_for_training
from reversal_cli.models.memory import explain_out_of_memory
from reversal_cli.models.precision import arithmetic, choose_device, choose_dtype
from reversal_cli.models.probing import UNRUNNABLE, refuse_ignored_mask, refuse_without_rotary, run_once
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Arithmetic, TrainingFacts
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.training.batching import BatchPlan
from reversal_cli.training.curve import Curve
from reversal_cli.training.finite_steps import refuse_unusable_weights
from reversal_cli.training.resumption import NEW, Resumption, SealedCheckpoints, find_checkpoint, remove_unusable
from reversal_cli.training.trackers import reporting
from reversal_cli.training.trainer import (
    Collator,
    EvaluatedEpochs,
    ObjectiveTrainer,
    OnLog,
    OnStep,
    Reporter,
    TrainingJob,
    trainer_arguments,
)

AnyTrainer = TypeVar("AnyTrainer", bound=ObjectiveTrainer)
TOO_LARGE = (
    "training: the GPU is out of memory at training.batch_size = {}; expected room for a "
    "step; lower it, set training.gradient_checkpointing = true, or train with --lora"
)


class Trained(NamedTuple):
    """A finished training whose weights are in the run directory."""

    facts: TrainingFacts
    model: dict[str, Any]
    """The identity of the checkpoint that was trained."""


def train(
    spec: ExperimentSpec,
    splits: Splits,
    run: RunDirectory,
    on_step: OnStep,
    say: Callable[[str], None],
    begin: Callable[[], None] = lambda: None,
) -> Trained:
    """Fine-tunes and saves adapter/ or model/ into the run directory.

    `say` gets one line about each evaluation along training, and one about the checkpoint that an interrupted training
    continues from; the checkpoints stay until the manifest is written. `begin` is called when the base is loaded and
    the rows fit, before anything of the run directory is read or written.
    """
    loaded, model, job = prepare_job(spec, splits)
    begin()
    resumption = find_checkpoint(run.checkpoints_path)
    if line := resumption.line(run.checkpoints_path):
        say(line)
    callbacks: list[TrainerCallback] = []
    if spec.training.eval_every is not None:
        curve = Curve(run, loaded, spec, splits, on_step, say)
        curve.refuse_other_prompts(resumption.step)  # before the files are trimmed: a refusal leaves them as they were
        callbacks = [EvaluatedEpochs(spec.training, curve.add_epoch)]
    log = run.trim_log(resumption.step)
    seconds = log[-1].seconds if log else 0.0
    run.trim_curve(resumption.step)
    with reporting(spec, run, resumption.step) as trackers:
        callbacks += trackers
        facts = fit(model, job, run.checkpoints_path, on_step, run.append_log, resumption, seconds, callbacks)
    folder = run.adapter_path if spec.training.tuning == "lora" else run.model_path
    save_folder(folder, lambda temporary: save(model, loaded, temporary))
    return Trained(facts, loaded.identity)


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
    rows = tokenize(loaded.tokenizer, splits.train, spec.training.max_length)
    refuse_long_rows(rows, loaded.max_position)
    spec.objective.check(rows)
    model = prepare_model(loaded, spec)
    return Prepared(loaded, model, TrainingJob(rows, loaded.tokens, spec.objective, spec.training, spec.seed))


def prepare_model(loaded: Loaded, spec: ExperimentSpec) -> nn.Module:
    """The network ready to train: gradient checkpointing, the attention of the objective, and LoRA."""
    if spec.training.gradient_checkpointing:
        loaded.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if spec.objective.mirrored and not loaded.tokens.two_row_positions:  # absolute positions need no mirroring
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


def save(model: PreTrainedModel, loaded: Loaded, folder: Path) -> None:
    """Weights and tokenizer, in the formats of peft and transformers. Raises ReversalError for weights not finite."""
    refuse_unusable_weights(model, "at the end")
    model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


def fit(
    model: nn.Module,
    job: TrainingJob,
    checkpoints: Path,
    on_step: OnStep,
    on_log: OnLog,
    resumption: Resumption = NEW,
    seconds_before: float = 0.0,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingFacts:
    """Trains `model` in place, from the checkpoint of `resumption` if there is one.

    Removes checkpoints that cannot be used. `seconds_before`: what an interrupted training took up to the one that is.
    """
    training, plan = job.training, plan_batches(job)
    stop = training.last_epoch * plan.batches_per_epoch
    reporter = Reporter(stop, plan.batches_per_epoch, on_step, on_log, seconds_before)
    callbacks = [reporter, SealedCheckpoints(checkpoints), *callbacks]
    trainer = new_trainer(model, job, plan, checkpoints, callbacks, ObjectiveTrainer)
    started = time.monotonic()
    remove_unusable(checkpoints, resumption)
    with explain_out_of_memory(TOO_LARGE.format(training.batch_size)):
        _train_on(trainer, resumption, stop)
    return TrainingFacts(
        steps=trainer.state.global_step,
        epochs=trainer.state.global_step / plan.batches_per_epoch,
        tokens=_tokens(plan, stop),
        wall_seconds=round(seconds_before + time.monotonic() - started, 1),
        resumed=resumption.checkpoint is not None,
        total_parameters=_count(model.parameters()),
        trainable_parameters=_count(p for p in model.parameters() if p.requires_grad),
        **_arithmetic(training).content(),
    )


def plan_batches(job: TrainingJob) -> BatchPlan:
    """Which rows of the job go into which step."""
    lengths = [len(row.input_ids) for row in job.rows]
    return BatchPlan(lengths, job.training.batch_size, job.training.epochs, job.seed)


def new_trainer(
    model: nn.Module,
    job: TrainingJob,
    plan: BatchPlan,
    checkpoints: Path,
    callbacks: Sequence[TrainerCallback],
    trainer_class: type[AnyTrainer],
) -> AnyTrainer:
    """The trainer of a job, with the device and the arithmetic of its options."""
    device = choose_device(job.training.device)
    dtype = choose_dtype(job.training.dtype, device)
    if device.type == "cpu" and dtype == torch.bfloat16:
        install_float32_attention(model)
    arguments = trainer_arguments(job, checkpoints, plan.batches_per_epoch, dtype, device)
    trainer = trainer_class(plan, Collator(job), model=model, args=arguments, callbacks=callbacks)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arithmetic(training: TrainingSpec) -> Arithmetic:
    device = choose_device(training.device)
    return arithmetic(choose_dtype(training.dtype, device), device)


def _train_on(trainer: ObjectiveTrainer, resumption: Resumption, stop: int) -> None:
    """Trains up to the step `stop`. After the last step of a schedule that is cut short, Trainer would take another."""
    checkpoint = resumption.checkpoint
    if checkpoint and resumption.step >= stop:
        trainer.restore(checkpoint, resumption.step)
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _tokens(plan: BatchPlan, steps: int) -> int:
    """Tokens of the rows in the first batches of the plan."""
    return sum(int(plan.lengths[key.index]) for batch in itertools.islice(plan, steps) for key in batch)


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
