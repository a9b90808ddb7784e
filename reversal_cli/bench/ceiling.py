"""The fastest matrix product of this machine: what the arithmetic of a training step is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from reversal_cli.bench.measure import seconds_of

CPU_SIZES, GPU_SIZES = (512, 1024, 2048), (2048, 4096, 8192)
"""Rows of the square matrices; the best of them counts."""
REPEATS = 8


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The best throughput of `torch.mm`, with the threads and the precision that a training gets."""

    gflops: float
    """Billions of additions and multiplications per second."""
    size: int
    """Rows of the square matrices that reached it."""


def measure_ceiling(dtype: torch.dtype, device: torch.device, sizes: Sequence[int] = ()) -> Ceiling:
    """Multiplies square matrices of each size a few times."""
    sizes = sizes or (CPU_SIZES if device.type == "cpu" else GPU_SIZES)
    return max((Ceiling(_gflops(size, dtype, device), size) for size in sizes), key=lambda ceiling: ceiling.gflops)


def _gflops(size: int, dtype: torch.dtype, device: torch.device) -> float:
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    output = torch.empty(size, size, dtype=dtype, device=device)
    torch.mm(left, right, out=output)
    best = min(seconds_of(lambda: torch.mm(left, right, out=output), device) for _ in range(REPEATS))
    return 2 * size**3 / best / 1e9
