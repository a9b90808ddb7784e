"""The stock trainers of transformers and TRL on the rows of a job: one epoch per turn."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn
from transformers import DataCollatorForLanguageModeling, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import SaveStrategy

from reversal_cli.bench.measure import mark, seconds_between
from reversal_cli.bench.turns import Turns
from reversal_cli.data.base import Splits
from reversal_cli.models.base import Loaded
from reversal_cli.models.precision import choose_device, choose_dtype
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.finetune import new_trainer, plan_batches
from reversal_cli.training.preparation import prepare_job
from reversal_cli.training.trainer import ObjectiveTrainer, TrainingJob, trainer_arguments

SHARED = (
    "output_dir",
    "max_steps",
    "per_device_train_batch_size",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "bf16",
    "fp16",
    "use_cpu",
    "seed",
    "save_strategy",
    "logging_steps",
    "report_to",
    "disable_tqdm",
    "dataloader_pin_memory",
)
"""Arguments that TRL gets too; for the others it has defaults of its own."""

MakeTrainer = Callable[[nn.Module, Loaded, TrainingJob, TrainingArguments], Trainer]


def training_turns(spec: ExperimentSpec, splits: Splits, steps: int, trl: bool) -> Iterator[Turns]:
    """Ours beside the stock Trainer, and beside TRL's if it is to be timed."""
    prepared = prepare_job(spec, splits)
    job = one_epoch(prepared.job, steps)
    makers: dict[str, MakeTrainer] = {"transformers.Trainer": stock_trainer}
    if trl:
        makers["trl.SFTTrainer"] = sft_trainer

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            trainer = new_trainer(prepared.model, job, plan_batches(job), Path(folder), [], ObjectiveTrainer)
            return epoch_seconds(trainer, prepared.model)

    for name, maker in makers.items():
        yield Turns(name, "training rows", len(job.rows), ours, _turn(maker, spec, splits, steps))


def _turn(maker: MakeTrainer, spec: ExperimentSpec, splits: Splits, steps: int) -> Callable[[], float]:
    """Trains a model of its own: ours computes logits only where there is a label."""
    loaded, model, job = prepare_job(spec, splits)
    job = one_epoch(job, steps)

    def turn() -> float:
        device = choose_device(job.training.device)
        dtype = choose_dtype(job.training.dtype, device)
        with tempfile.TemporaryDirectory() as folder:
            arguments = trainer_arguments(job, Path(folder), plan_batches(job), dtype, device)
            return epoch_seconds(maker(model, loaded, job, arguments), model)

    return turn


def one_epoch(job: TrainingJob, steps: int) -> TrainingJob:
    """The job with one epoch of rows for so many steps, spread over the rows."""
    count = min(steps * job.training.batch_size, len(job.rows))
    rows = job.rows[:: len(job.rows) // count][:count]
    return replace(job, rows=rows, training=job.training.model_copy(update={"epochs": 1, "stop_after_epochs": None}))


def stock_trainer(model: nn.Module, loaded: Loaded, job: TrainingJob, arguments: TrainingArguments) -> Trainer:
    """The Trainer of transformers: shuffled rows, padded to the longest of the batch, logits at every position."""
    collator = DataCollatorForLanguageModeling(loaded.tokenizer, mlm=False)
    return Trainer(model, arguments, collator, train_dataset=plain_rows(job))


def sft_trainer(model: nn.Module, loaded: Loaded, job: TrainingJob, arguments: TrainingArguments) -> Trainer:
    """The SFTTrainer of TRL, with the arithmetic and the optimizer of the others."""
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    shared = {name: getattr(arguments, name) for name in SHARED}
    config = SFTConfig(**shared, gradient_checkpointing=False, max_length=None, packing=False)
    rows = Dataset.from_list(plain_rows(job))
    return SFTTrainer(model, args=config, train_dataset=rows, processing_class=loaded.tokenizer)


def plain_rows(job: TrainingJob) -> list[dict[str, Sequence[int]]]:
    """The rows as other tools read them."""
    return [{"input_ids": list(row.input_ids), "attention_mask": [1] * len(row.input_ids)} for row in job.rows]


class TrainClock(TrainerCallback):
    """Notes when the first step begins and the last has ended."""

    def __init__(self) -> None:
        self.marks: list[Any] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.marks.append(mark(args.device))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.marks.append(mark(args.device))


def epoch_seconds(trainer: Trainer, model: nn.Module) -> float:
    """Trains to the end, saving and printing nothing; seconds of all its steps."""
    clock = TrainClock()
    trainer.add_callback(clock)
    trainer.remove_callback(PrinterCallback)
    trainer.args.save_strategy = SaveStrategy.NO
    trainer.train()
    vars(model).pop("forward", None)  # autocast, which accelerate puts around the network once per trainer
    return seconds_between(clock.marks)[0]
