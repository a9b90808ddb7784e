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
from torch import Tensor, nn
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback

from reversal_cli.data.base import Splits
from reversal_cli.evaluation.long_answers import long_answers
from reversal_cli.files.folders import save_folder
from reversal_cli.models.base import Loaded
from reversal_cli.models.cpu_attention import install_float32_attention
from reversal_cli.models.memory import explain_out_of_memory
from reversal_cli.models.precision import arithmetic, choose_device, choose_dtype
from reversal_cli.processes.place import is_first, place
from reversal_cli.processes.together import from_first
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Arithmetic, TrainingFacts
from reversal_cli.spec.experiment import ExperimentSpec, TrainingSpec
from reversal_cli.training.batching import BatchPlan
from reversal_cli.training.callbacks import EvaluatedEpochs, OnLog, OnStep, Reporter
from reversal_cli.training.costs import StepCost
from reversal_cli.training.curve import Curve
from reversal_cli.training.direction import count_shown_reversed
from reversal_cli.training.finite_steps import refuse_unusable_weights
from reversal_cli.training.fully_sharded import refuse_unsharded, whole_weights
from reversal_cli.training.preparation import prepare_job, refuse_long_prompts
from reversal_cli.training.resumption import (
    NEW,
    Resumption,
    SealedCheckpoints,
    find_checkpoint,
    refuse_other_sharding,
    remove_incomplete,
    remove_unusable,
)
from reversal_cli.training.saving import saved_when_stopped
from reversal_cli.training.trackers import reporting
from reversal_cli.training.trainer import (
    Collator,
    ObjectiveTrainer,
    TrainingJob,
    collate,
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
    begin: Callable[[int], None] = lambda rows: None,
    warn: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Fine-tunes and saves adapter/ or model/ into the run directory.

    `say` gets one line about each evaluation along training, and one about the checkpoint that an interrupted training
    continues from; the checkpoints stay until the manifest is written. `begin` is called with the number of rows when
    the base is loaded and they fit, before anything of the run directory is read or written. `warn` gets a line about
    answers that the evaluation would cut off.
    SIGTERM or Ctrl-C ends it with Interruption after the step, when a checkpoint is saved.
    """
    refuse_unsharded(spec.training)
    loaded, model, job = prepare_job(spec, splits)
    refuse_long_prompts(loaded, spec, splits)
    plan = plan_batches(job)
    shown_reversed = None if spec.transform.is_identity else count_shown_reversed(job, loaded.tokenizer, splits)
    if line := long_answers(loaded.tokenizer, splits.subtasks.values(), spec.evaluation.max_new_tokens):
        warn(line)
    begin(len(job.rows))
    if shown_reversed is not None:
        say(f"shown reversed: {shown_reversed} of {len(job.rows)} rows in an epoch")
    resumption = from_first(lambda: find_checkpoint(run.checkpoints_path))
    refuse_other_sharding(resumption)
    if line := resumption.line(run.checkpoints_path):
        say(line)
    callbacks: list[TrainerCallback] = []
    if spec.training.eval_every is not None:
        curve = Curve(run, loaded, spec, splits, on_step, say)
        callbacks = [_evaluations(curve, spec.training.eval_every, resumption, plan, last_step(job, plan))]
    log = from_first(lambda: run.trim_log(resumption.step))
    seconds = log[-1].seconds if log else 0.0
    from_first(lambda: run.trim_curve(resumption.step))
    with reporting(spec, run, resumption.step) as trackers, saved_when_stopped(spec.training, run) as save_times:
        callbacks += [*trackers, save_times]
        facts = fit(model, job, plan, run.checkpoints_path, on_step, run.append_log, resumption, seconds, callbacks)
    folder = run.adapter_path if spec.training.tuning == "lora" else run.model_path
    save_whole(model, loaded, folder)
    return Trained(facts.model_copy(update={"shown_reversed": shown_reversed}), loaded.identity)


def _evaluations(curve: Curve, every: int, resumption: Resumption, plan: BatchPlan, stop: int) -> TrainerCallback:
    """Evaluates every so many epochs. Raises ReversalError if the curve before was of other prompts."""
    # Before the files are trimmed: a refusal leaves them as they were.
    from_first(lambda: curve.refuse_other_prompts(resumption.step))

    def evaluate(epoch: int, step: int) -> None:
        from_first(lambda: curve.add_epoch(epoch, step))

    return EvaluatedEpochs(every, plan.batches_per_epoch, stop, evaluate)


def save_whole(model: PreTrainedModel, loaded: Loaded, folder: Path) -> None:
    """Writes a folder with weights and tokenizer, in every process. Raises ReversalError for weights not finite."""
    refuse_unusable_weights(model, "at the end")
    weights = whole_weights(model)
    from_first(lambda: save_folder(folder, lambda temporary: save(model, loaded, temporary, weights)))


def save(model: PreTrainedModel, loaded: Loaded, folder: Path, weights: dict[str, Tensor] | None) -> None:
    """Weights and tokenizer, in the formats of peft and transformers. None: the weights that the model has."""
    model.save_pretrained(folder, state_dict=weights)
    loaded.tokenizer.save_pretrained(folder)


def fit(
    model: nn.Module,
    job: TrainingJob,
    plan: BatchPlan,
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
    training, stop = job.training, last_step(job, plan)
    reporter = Reporter(stop, plan.batches_per_epoch, on_step, on_log, seconds_before)
    callbacks = [reporter, SealedCheckpoints(checkpoints), *callbacks]
    trainer = new_trainer(model, job, plan, checkpoints, callbacks, ObjectiveTrainer)
    started = time.monotonic()
    from_first(lambda: remove_unusable(checkpoints, resumption))
    for keys in itertools.islice(plan, resumption.step):  # what was trained before the interruption
        trainer.costs.add(StepCost.of(collate(job, keys)))
    with explain_out_of_memory(TOO_LARGE.format(training.batch_size)):
        _train_on(trainer, resumption, stop)
    costs = trainer.costs
    return TrainingFacts(
        steps=trainer.state.global_step,
        epochs=trainer.state.global_step / plan.batches_per_epoch,
        rows=costs.rows,
        tokens=costs.tokens,
        labels=costs.labels,
        flops=costs.flops,
        wall_seconds=round(seconds_before + time.monotonic() - started, 1),
        resumed=resumption.checkpoint is not None,
        total_parameters=_count(model.parameters()),
        trainable_parameters=_count(p for p in model.parameters() if p.requires_grad),
        processes=place().processes,
        **_arithmetic(training).content(),
    )


def plan_batches(job: TrainingJob) -> BatchPlan:
    """Which rows of the job go into which step."""
    lengths = [len(row.input_ids) for row in job.rows]
    training = job.training
    if training.token_budget is None:
        return BatchPlan(lengths, training.batch_size, training.epochs, job.seed)
    endless = BatchPlan(lengths, training.batch_size, training.token_budget, job.seed)  # an epoch has a token or more
    steps, left = 0, training.token_budget
    for keys in endless:
        if left <= 0:
            break
        left -= StepCost.of(collate(job, keys)).tokens
        steps += 1
    epochs = -(-steps // endless.batches_per_epoch)
    return BatchPlan(lengths, training.batch_size, epochs, job.seed, steps)


def last_step(job: TrainingJob, plan: BatchPlan) -> int:
    """Where the training stops: at the end of the plan, or before."""
    stop = job.training.stop_after_epochs
    return len(plan) if stop is None else min(len(plan), stop * plan.batches_per_epoch)


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
    arguments = trainer_arguments(job, checkpoints, plan, dtype, device)
    here = place()
    trainer = trainer_class(plan, Collator(job, here), model=model, args=arguments, callbacks=callbacks)
    trainer.remove_callback(PrinterCallback)
    if here.rank:  # Trainer has given all processes the same dropout
        torch.manual_seed(job.seed + here.rank)
    return trainer


def _arithmetic(training: TrainingSpec) -> Arithmetic:
    device = choose_device(training.device)
    return arithmetic(choose_dtype(training.dtype, device), device)


def _train_on(trainer: ObjectiveTrainer, resumption: Resumption, stop: int) -> None:
    """Trains up to the step `stop`. After the last step of a schedule that is cut short, Trainer would take another."""
    checkpoint = resumption.checkpoint
    if checkpoint:
        trainer.logged_loss.restore(checkpoint, resumption.step)
    try:
        if checkpoint and resumption.step >= stop:
            trainer.restore(checkpoint, resumption.step)
        else:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        if is_first():
            remove_incomplete(Path(trainer.args.output_dir))


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
