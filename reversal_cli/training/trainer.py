"""`transformers.Trainer` with planned batches, logits only where there is a label, and our log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from reversal_cli.models.families import is_mirrored
from reversal_cli.models.token_losses import mean_loss
from reversal_cli.objectives.base import Batch, Draw, Row, TokenIds
from reversal_cli.processes.place import Place, shards_weights
from reversal_cli.spec.experiment import ObjectiveSpec, TrainingSpec, TransformSpec
from reversal_cli.training.batching import BatchPlan, Key
from reversal_cli.training.costs import Costs, StepCost, measure_network
from reversal_cli.training.finite_steps import FiniteSteps
from reversal_cli.training.fully_sharded import sharding_plugin, share_out_with
from reversal_cli.training.labelled import LabelledPositions, labelled
from reversal_cli.training.logged_loss import LoggedLoss
from reversal_cli.training.sharing import loss_divisor, share_of
from reversal_cli.transforms.identity import Identity


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What one training learns from."""

    rows: Sequence[Row]
    tokens: TokenIds
    objective: ObjectiveSpec
    training: TrainingSpec
    seed: int
    transform: TransformSpec = field(default_factory=Identity)


def collate(job: TrainingJob, keys: Sequence[Key]) -> Batch:
    """The batch of one step of the plan."""
    draw = Draw(job.seed, keys[0].epoch, tuple(key.index for key in keys))
    return job.objective.collate(drawn_rows(job, draw), job.tokens, draw)


def drawn_rows(job: TrainingJob, draw: Draw) -> list[Row]:
    """The rows of a batch as this drawing shows them."""
    rows = [job.rows[index] for index in draw.indices]
    if not job.transform.changes_drawings:
        return rows
    return [job.transform.row(row, job.tokens, draw.transform_generator(i)) for i, row in enumerate(rows)]


class Collator:
    """Turns keys of the plan into the tensors of a step; of several processes, into those of its share of the rows."""

    def __init__(self, job: TrainingJob, here: Place):
        self.job = job
        self.here = here

    def __call__(self, keys: Sequence[Key]) -> dict[str, Any]:
        """The arrays of a `Batch`, by the names of the model's arguments; which positions are labelled, with what, and
        how their losses are averaged; what it costs.

        The positions are found here, not in the step: there a GPU would have to be waited for.
        """
        whole = collate(self.job, keys)  # what is drawn for a batch must not depend on the number of processes
        batch = share_of(whole, self.here)
        positions, targets = labelled(torch.from_numpy(batch.labels))
        tensors = {
            "input_ids": torch.from_numpy(batch.input_ids),
            "attention_mask": torch.from_numpy(batch.attention_mask),
            "position_ids": torch.from_numpy(batch.position_ids),
            "positions": positions,
            "targets": targets,
            "divisor": loss_divisor(whole, self.here),
        }
        if batch.weights is not None:
            tensors["weights"] = torch.from_numpy(batch.weights).flatten()[positions]
        return {**tensors, "cost": StepCost.of(whole)}


class PlannedRows(Dataset):
    """Hands the plan's keys through to the collator, which alone needs the rows."""

    def __init__(self, plan: BatchPlan):
        self.plan = plan

    def __len__(self) -> int:
        return len(self.plan.lengths)

    def __getitem__(self, key: Key) -> Key:
        return key


class ObjectiveTrainer(Trainer):
    """`Trainer` with our batches, logits only where there is a label, and no step that is not finite."""

    def __init__(
        self,
        plan: BatchPlan,
        collator: Collator,
        args: TrainingArguments,
        callbacks: Sequence[TrainerCallback],
        **options: Any,
    ):
        self.finite = FiniteSteps(args.device)
        self.logged_loss = LoggedLoss(args.device)
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(args.mixed_precision, torch.float32)
        self.sharding = sharding_plugin(options["model"], dtype) if shards_weights() else None
        options |= {"args": args, "callbacks": [self.finite, self.logged_loss, *callbacks]}
        super().__init__(train_dataset=PlannedRows(plan), data_collator=collator, **options)
        self.plan = plan
        # The loss below is already the mean of its own batch.
        self.model_accepts_loss_kwargs = False
        self.labelled = LabelledPositions(self.model)
        self.costs = Costs(measure_network(self.model, is_mirrored(collator.job.objective, collator.job.tokens)))

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        if self.sharding is not None:
            share_out_with(self.sharding, self.accelerator)
            self.is_fsdp_enabled = True

    def get_train_dataloader(self) -> DataLoader:
        loader = DataLoader(self.train_dataset, batch_sampler=self.plan, collate_fn=self.data_collator)
        # As in a single process: accelerate would deal whole batches to the processes, which share each of ours.
        return prepare_data_loader(loader, self.args.device, num_processes=1, process_index=0, put_on_device=True)

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Tensor:
        """Cross-entropy in float32 over the labels, the mean or as the batch weights it; the logits at t are scored
        against labels[t]."""
        targets, divisor, weights = inputs.pop("targets"), inputs.pop("divisor"), inputs.pop("weights", None)
        with self.labelled.select(inputs.pop("positions")):
            logits = model(**inputs, use_cache=False).logits  # [n, v]
        return mean_loss(logits, targets, divisor, weights)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **options: Any) -> Tensor:
        """The step of Trainer; its loss is checked and its cost counted."""
        self.costs.add(inputs.pop("cost"))
        loss = super().training_step(model, inputs, *args, **options)
        if self.args.world_size > 1:
            loss = self.accelerator.reduce(loss, "mean")
        self.finite.add("loss", self.state.global_step + 1, loss)
        self.logged_loss.add(loss)
        return loss

    def log(self, logs: dict[str, float], *args: Any, **options: Any) -> None:
        """The record of Trainer, with the mean of all losses since the last one."""
        if "loss" in logs:
            logs["loss"] = self.logged_loss.take(self.state.global_step)
        super().log(logs, *args, **options)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Tensor | None = None) -> Tensor:
        """The norm before clipping, which is checked. Trainer has no public method to override for it."""
        norm = super()._get_grad_norm(model, grad_norm)
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        if not self.args.fp16:  # there an overflow is ordinary: the step is left out and the loss scaled less
            self.finite.add("gradient norm", self.state.global_step + 1, norm)
        return norm

    def restore(self, checkpoint: Path, step: int) -> None:
        """Loads the weights of a checkpoint after which nothing is left to train."""
        model = self.model
        if self.sharding is not None:  # parts of a checkpoint are loaded into the parts of a model
            model, _ = self.accelerator.prepare(model, self.create_optimizer())
        self._load_from_checkpoint(str(checkpoint), model)
        self.state.global_step = step


def trainer_arguments(
    job: TrainingJob, checkpoints: Path, plan: BatchPlan, dtype: torch.dtype, device: torch.device
) -> TrainingArguments:
    """The arguments of `Trainer` for the options of the spec: a save after each epoch, no reports elsewhere."""
    training = job.training
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=len(plan),
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
        seed=job.seed,
        save_strategy="steps",
        save_steps=plan.batches_per_epoch,
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
