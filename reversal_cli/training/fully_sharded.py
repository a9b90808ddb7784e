"""Training with the weights shared out over the processes: FSDP2, torch's `fully_shard`.

Each process keeps its part of every weight, gradient and moment, and gathers the layers one after another as it
computes them. Accelerate does the work; here is what it leaves to us.
"""

from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from accelerate.utils import FullyShardedDataParallelPlugin
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy

from reversal_cli.errors import ReversalError
from reversal_cli.models.precision import choose_device
from reversal_cli.processes.place import shards_weights
from reversal_cli.spec.experiment import TrainingSpec

REMEDY = "start the training without --use_fsdp"


def refuse_unsharded(training: TrainingSpec) -> None:
    """Raises ReversalError if the weights are to be shared out, and the training cannot be done so."""
    if not shards_weights():
        return
    if choose_device(training.device).type == "cpu" and torch.cuda.is_available():
        raise ReversalError(
            f"training.device: found {training.device} on a machine with GPUs; expected a GPU for FSDP; leave it out, "
            f"or {REMEDY}"
        )
    if training.eval_every is not None:
        raise ReversalError(
            f"training.eval_every: found {training.eval_every}; expected none with FSDP, where no process has the "
            f"whole weights before the end; leave it out, or {REMEDY}"
        )


def sharding_plugin(model: nn.Module, dtype: torch.dtype) -> FullyShardedDataParallelPlugin:
    """How accelerate shares out the weights of a model: by decoder layer, computed in `dtype`, each process writing its
    part of a checkpoint. Raises ReversalError for a model that does not name its layers."""
    names: Any = model._no_split_modules or ()
    layers = sorted({type(module).__name__ for module in model.modules()} & set(names))
    if not layers:
        raise ReversalError(
            f"{type(model).__name__}: does not name its decoder layers; expected a model that FSDP can share out by "
            f"layer; {REMEDY}"
        )
    return FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="TRANSFORMER_BASED_WRAP",
        transformer_cls_names_to_wrap=layers,
        state_dict_type="SHARDED_STATE_DICT",
        # Not accelerate's, which would also add up the gradients of the processes in the lower precision.
        mixed_precision_policy=MixedPrecisionPolicy(
            param_dtype=None if dtype == torch.float32 else dtype, reduce_dtype=torch.float32
        ),
    )


def share_out_with(plugin: FullyShardedDataParallelPlugin, accelerator: Accelerator) -> None:
    """Makes an accelerator share out what it prepares. By itself it does so on GPUs only."""
    accelerator.state.fsdp_plugin = plugin
    accelerator.state.distributed_type = DistributedType.FSDP


def whole_weights(model: nn.Module) -> dict[str, Tensor] | None:
    """The weights of a model that is shared out, gathered in the main memory of the first process, {} in the others;
    None: each process has all of them. To be called in every process."""
    if not any(isinstance(module, FSDPModule) for module in model.modules()):
        return None
    weights: dict[str, Any] = get_model_state_dict(
        model, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    names = [{name for name, _ in model.named_parameters(remove_duplicate=once)} for once in (False, True)]
    tied = names[0] - names[1]  # gathered twice, but saved once
    return {name: weight for name, weight in weights.items() if name not in tied}
