"""Time and memory of BICO's denoising steps beside NTP's as rows grow: a Markdown table.

    python tests/benchmarks/long_rows.py 256 1024 4096 > results/bench/long-rows.md
    python tests/benchmarks/long_rows.py 256 1024 4096 --dtype bfloat16 --device cuda > results/bench/gpu/long-rows.md

A step is forward and backward of a random Llama (4 layers, width 256, vocabulary 2,000) over one batch of 1,024 tokens,
or one longer row. Both objectives take turns; memory is the peak of a process of its own above its start.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from random_llama import random_llama
from torch import Tensor

from reversal_cli.bench.measure import peak_memory, reset_peak_memory, seconds_of
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.objectives.base import Draw, Row, TokenIds
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.ntp import Ntp

VOCABULARY = 2_000
BATCH_TOKENS = 1_024
ROUNDS = 9
OBJECTIVES = {"ntp": Ntp(), "bico": Bico(bico_share=1.0)}
TOKENS = TokenIds(pad=0, special=frozenset((0, 1, 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lengths", type=int, nargs="+")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--memory-of", choices=list(OBJECTIVES), help="one process's part of the work")
    arguments = parser.parse_args()
    where = Where(torch.device(arguments.device), getattr(torch, arguments.dtype))
    if arguments.memory_of:
        print(peak_of(arguments.memory_of, arguments.lengths[0], where))
        return
    on_gpu = where.device.type == "cuda"
    machine = torch.cuda.get_device_name() if on_gpu else f"Threads: {torch.get_num_threads()}"
    print(f"{machine}, {arguments.dtype}. Seconds of a step: medians of {ROUNDS} turns.\n")
    print("| tokens of a row | NTP, s | BICO, s | ratio | NTP, MiB | BICO, MiB |\n|---|---|---|---|---|---|")
    for length in arguments.lengths:
        print("|".join(["", *cells(length, where), ""]), flush=True)


class Where(NamedTuple):
    """What computes, and how precisely."""

    device: torch.device
    dtype: torch.dtype


def cells(length: int, where: Where) -> Iterator[str]:
    seconds = in_turns(length, where)
    yield f" {length:,} "
    yield from (f" {seconds[name]:.4f} " for name in OBJECTIVES)
    yield f" {seconds['bico'] / seconds['ntp']:.2f} "
    for name in OBJECTIVES:
        if where.device.type == "cuda":  # its own tensors are counted
            yield f" {peak_of(name, length, where):,.0f} "
            continue
        dtype = str(where.dtype).removeprefix("torch.")
        command = [sys.executable, __file__, str(length), "--dtype", dtype, "--memory-of", name]
        yield f" {float(subprocess.run(command, check=True, capture_output=True, text=True).stdout):,.0f} "


def in_turns(length: int, where: Where) -> dict[str, float]:
    """Objective -> seconds of a step."""
    steps = {name: step_of(name, length, where) for name in OBJECTIVES}
    seconds: dict[str, list[float]] = {name: [] for name in OBJECTIVES}
    for _ in range(1 + ROUNDS):
        for name, step in steps.items():
            seconds[name].append(seconds_of(step, where.device))
    return {name: statistics.median(of_turns[1:]) for name, of_turns in seconds.items()}


def peak_of(name: str, length: int, where: Where) -> float:
    """MiB that the second of two steps needs at most, above what there was before the first."""
    step, device = step_of(name, length, where), where.device
    reset_peak_memory(device)
    before = peak_memory(device)
    step()
    step()
    return peak_memory(device) - before


def step_of(name: str, length: int, where: Where) -> Callable[[], None]:
    """Forward and backward over the batch of an objective."""
    model = random_llama(VOCABULARY, length=length)
    if name == "bico":
        install_mirrored_attention(model)
    generator = np.random.default_rng(0)
    count = max(1, BATCH_TOKENS // length)
    rows = [Row((1, *generator.integers(3, VOCABULARY, length - 2).tolist(), 2), 1) for _ in range(count)]
    batch = OBJECTIVES[name].collate(rows, TOKENS, Draw(0, 0, tuple(range(count))))
    names = ("input_ids", "attention_mask", "position_ids", "labels")
    tensors = {name: torch.from_numpy(getattr(batch, name)).to(where.device) for name in names}
    model = model.to(where.device)
    return lambda: step(model, dict(tensors), where)


def step(model: torch.nn.Module, tensors: dict[str, Tensor], where: Where) -> None:
    labels = tensors.pop("labels")
    with torch.autocast(where.device.type, dtype=where.dtype, enabled=where.dtype != torch.float32):
        logits = model(**tensors, use_cache=False).logits
    torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten()).backward()
    model.zero_grad()


if __name__ == "__main__":
    main()
