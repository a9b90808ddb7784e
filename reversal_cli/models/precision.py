"""The device and the arithmetic of a run."""

import platform
from pathlib import Path

import torch

from reversal_cli.errors import ReversalError
from reversal_cli.runs.records import Arithmetic

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU, else the CPU. Raises ReversalError for a device this machine lacks."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        lacks_gpu = name.startswith("cuda") and not torch.cuda.is_available()
        reason = "PyTorch finds no GPU" if lacks_gpu else str(error).splitlines()[0]
        raise ReversalError(
            f"--device (training.device): '{name}' cannot be used here: {reason}; pass auto or cpu"
        ) from None
    if device.type == "cuda" and device.index:
        raise ReversalError(
            f"--device (training.device): '{name}' cannot be used; expected cuda, the first visible GPU; "
            f"set CUDA_VISIBLE_DEVICES={device.index} to choose another"
        )
    return torch.device(device.type)  # without a number: of several processes each has its own GPU


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the hardware multiplies it fast, else float32. Refuses float16 on a CPU."""
    if name == "auto" and device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if name == "auto":
        fast = device.type == "cpu" and has_fast_bfloat16()
        return torch.bfloat16 if fast else torch.float32
    if name == "float16" and device.type == "cpu":
        raise ReversalError("training.dtype: float16 on a CPU; expected float32 or bfloat16 there; pass --dtype auto")
    return DTYPES[name]


def arithmetic(dtype: torch.dtype, device: torch.device) -> Arithmetic:
    """What decides the last digits of a number: dtype, device, threads, and the instruction set or the GPU.

    Other rounding leads to other weights: a small model's accuracy changes by several points, as with another seed.
    """
    if device.type == "cpu":
        instructions = torch.backends.cpu.get_cpu_capability() + (" AMX" if "amx_bf16" in _cpu_flags() else "")
        threads = torch.get_num_threads()
    else:
        instructions = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        threads = None
    name = str(dtype).removeprefix("torch.")
    return Arithmetic(dtype=name, device=str(device), threads=threads, instructions=instructions)


def has_fast_bfloat16() -> bool:
    """True on x86 CPUs that multiply bfloat16 (AMX, AVX512_BF16): a training step takes 0.6 to 0.7 of its float32 time.

    Without such an instruction autocast is a hundredfold loss.
    """
    return bool(_cpu_flags() & {"amx_bf16", "avx512_bf16"})


def _cpu_flags() -> set[str]:
    """The instruction sets of an x86 CPU as Linux names them; empty elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.system() != "Linux" or not cpuinfo.is_file():
        return set()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())
