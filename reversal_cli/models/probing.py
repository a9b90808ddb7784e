"""Tests of a network by its gradients: whether it is causal, and whether it obeys our attention masks.

Configurations and class names tell little (a BERT is listed among the causal models, some networks drop a mask they
do not know). A gradient is exact: if a token cannot reach a logit, it is zero in any precision.
"""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from reversal_cli.errors import ReversalError

LENGTH = 6
HIDDEN = 3
"""The token that no other may attend in the probe of 4-D masks."""
UNRUNNABLE = (RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError)
"""What the networks of transformers raise for arguments that they were not written for."""


def refuse_non_causal(model: PreTrainedModel, name: str) -> None:
    """Raises ReversalError if a token reaches the logits of one before it, or padding is read, or the network takes
    no boolean mask."""
    mask = torch.ones(1, LENGTH, dtype=torch.bool)
    mask[0, 0] = False  # padding on the left, as prompts of several lengths have it
    reached = _reach(model, mask, slice(1, HIDDEN), name)
    if reached[HIDDEN:].any() or reached[0]:
        why = "what stands after a token (an encoder or masked language model)" if not reached[0] else "padding"
        raise ReversalError(
            f"model '{name}': {type(model).__name__} reads {why}; expected a causal language model; "
            "choose another checkpoint"
        )


def refuse_ignored_mask(model: PreTrainedModel, name: str, objective: str) -> None:
    """Raises ReversalError if a mask [b, 1, s, s] does not decide alone which tokens reach which logits."""
    mask = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool)
    mask[..., HIDDEN] = False
    others = [index for index in range(LENGTH) if index != HIDDEN]
    leaks = bool(_reach(model, mask, others, name)[HIDDEN])
    blind = not _reach(model, mask, [0], name)[HIDDEN + 1 :].any()
    if leaks or blind:
        why = "reads tokens that the mask hides" if leaks else "never reads what stands after a token"
        raise ReversalError(
            f"model '{name}': {type(model).__name__} {why}; {objective} needs attention that follows a mask in both "
            "directions (Llama, Mistral, Qwen, GLM-4 ...); choose another model or objective"
        )


def refuse_without_rotary(model: PreTrainedModel, name: str, objective: str) -> None:
    """Raises ReversalError for learned absolute positions, ALiBi, relative biases, and networks without positions."""
    config = model.config.to_dict()
    has_table = any("Rotary" in type(module).__name__ for module in model.modules()) or config.get("rotary_dim")
    if not has_table or config.get("alibi"):
        raise ReversalError(
            f"model '{name}': {type(model).__name__} has no rotary positions; {objective} needs them (Llama, Mistral, "
            "Qwen, GLM-4 ...); choose another model or objective"
        )


TABLES = ("embed_positions", "pos_encoding")
"""Buffers that are tables of positions (GPT-J, CodeGen; CTRL)."""


def last_position_in_table(model: PreTrainedModel) -> int | None:
    """The last position that the network has a row for (GPT-2, OPT); None if it computes what it needs for any.

    Past the end of a table there is an error, on a GPU one that names nothing.
    """
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    words = model.get_input_embeddings()
    tables = [m.num_embeddings for m in model.modules() if isinstance(m, nn.Embedding) and m is not words]
    tables += [len(table) for name, table in model.named_buffers() if name.rpartition(".")[2] in TABLES]
    # Some tables have two rows more (OPT).
    return positions - 1 if positions and any(0 <= rows - positions <= 2 for rows in tables) else None


def refuse_foreign_masks(model: PreTrainedModel, name: str, objective: str) -> None:
    """Raises ReversalError for a model without rotary positions, or whose attention would not take our masks
    [b, 1, s, s] as they are."""
    refuse_without_rotary(model, name, objective)
    if model.config._attn_implementation != "sdpa":
        raise ReversalError(
            f"model '{name}': its attention is '{model.config._attn_implementation}'; {objective} needs 'sdpa', which "
            "takes a boolean mask as it is; choose another model or objective"
        )
    refuse_ignored_mask(model, name, objective)


def probe_inputs(model: PreTrainedModel, mask: Tensor) -> dict[str, Tensor]:
    """Six tokens as a batch of ours has them: ids and positions int64 [1, s], the given mask."""
    table = model.get_input_embeddings().weight
    input_ids = (torch.arange(LENGTH, device=table.device) + 3) % len(table)
    positions = torch.arange(LENGTH, device=table.device)
    return {
        "input_ids": input_ids[None],
        "position_ids": positions[None],
        "attention_mask": mask.to(table.device),
    }


@torch.no_grad()
def run_once(model: nn.Module) -> None:
    """A forward pass of six tokens. Raises one of UNRUNNABLE where what was built around the network does not fit."""
    model(**probe_inputs(model, torch.ones(1, LENGTH, dtype=torch.bool)), use_cache=False)


@torch.enable_grad()
def _reach(model: PreTrainedModel, mask: Tensor, queries: slice | list[int], name: str) -> Tensor:
    """bool [s]: which tokens reach the logits at `queries`."""
    embedded: list[Tensor] = []

    def keep(module: nn.Module, args: tuple, output: Tensor) -> Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[0]

    hook = model.get_input_embeddings().register_forward_hook(keep)
    try:
        logits = model(**probe_inputs(model, mask), use_cache=False).logits[0, queries].float()  # [queries, v]
        weights = torch.linspace(-1, 1, logits.shape[-1], device=logits.device)
        (gradient,) = torch.autograd.grad((logits * weights).sum(), embedded[0])
    except UNRUNNABLE as error:
        reason = " ".join(str(error).split())[:160]
        raise ReversalError(
            f"model '{name}': {type(model).__name__} cannot be run with a boolean attention mask ({reason}); "
            "expected an ordinary causal language model; choose another checkpoint"
        ) from None
    finally:
        hook.remove()
    return (gradient[0] != 0).any(dim=-1).cpu()
