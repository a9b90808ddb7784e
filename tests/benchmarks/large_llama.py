"""Training of a random Llama of one billion parameters on a GPU, beside other trainers: a Markdown table.

    python tests/benchmarks/large_llama.py > results/bench/gpu/large-llama.md

All weights or LoRA, in bfloat16; the benchmark's rows, about 30 tokens, and rows of 512. Every tool trains the same
rows in turns. The network is as wide and deep as Llama 3.2 1B, with a vocabulary of 32,000.
"""

import argparse
import gc
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, Trainer

from reversal_cli.bench.bench import benchmark_splits
from reversal_cli.bench.ceiling import measure_ceiling
from reversal_cli.bench.measure import peak_memory, reset_peak_memory
from reversal_cli.bench.peer_training import epoch_seconds, one_epoch, sft_trainer, stock_trainer
from reversal_cli.bench.train_speed import measure_training
from reversal_cli.errors import ReversalError
from reversal_cli.models.attention import install_mirrored_attention
from reversal_cli.objectives.base import Row
from reversal_cli.objectives.bico import Bico
from reversal_cli.spec.loading import flag_settings, load_experiment
from reversal_cli.spec.presets import PRESETS
from reversal_cli.training.finetune import new_trainer, plan_batches
from reversal_cli.training.preparation import Prepared, prepare_job
from reversal_cli.training.trainer import ObjectiveTrainer, TrainingJob, trainer_arguments

VOCABULARY = 32_000
SHAPES = ((4, None), (64, None), (16, 512), (64, 512))
"""Rows of a batch, and their tokens; None: the benchmark's rows."""
ROUNDS = 2
DEVICE, DTYPE = torch.device("cuda"), torch.bfloat16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6, help="timed steps of each case")
    steps = parser.parse_args().steps
    ceiling = measure_ceiling(DTYPE, DEVICE).gflops
    print(
        f"{torch.cuda.get_device_name(DEVICE)}, torch {torch.__version__}, bfloat16. The fastest matrix product: "
        f"{ceiling / 1e3:,.0f} TFLOP/s. Medians of {steps} steps; beside other tools, of {ROUNDS} turns of {steps}.\n"
    )
    print("| trained | batch | objective | tokens/s | of the fastest product | GiB | beside others |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        save_llama(Path(folder))
        for tuning in ("full", "lora"):
            for line in lines(Path(folder), tuning, steps, ceiling):
                print(line, flush=True)


def save_llama(folder: Path) -> None:
    """1.1 billion parameters, random, in bfloat16."""
    tokenizer = AutoTokenizer.from_pretrained(PRESETS["tiny-llama"].folder)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    with DEVICE:
        model = LlamaForCausalLM(config).to(DTYPE)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def lines(folder: Path, tuning: str, steps: int, ceiling: float) -> Iterator[str]:
    """The rows of the table for one kind of tuning: NTP with the others beside it, then BICO in the same network."""
    flags = flag_settings(
        {"--model": ("model.name", str(folder))}, [f"training.tuning={tuning}", "training.dtype=bfloat16"]
    )
    prepared = prepare_job(load_experiment(None, flags).specs[0], benchmark_splits())
    jobs = {shape: shaped(prepared.job, *shape) for shape in SHAPES}
    for objective in (prepared.job.objective, Bico(bico_share=1.0)):
        if objective.name == "bico":
            base = prepared.model.get_base_model() if tuning == "lora" else prepared.model
            install_mirrored_attention(base.cpu())
        for (batch, tokens), job in jobs.items():
            job = replace(job, objective=objective)
            cells = [tuning, f"{batch} x {tokens or '~30'}", objective.name]
            try:
                speed = measure_training(prepared.model, job, steps, ceiling)
                cells += [f"{speed.tokens_per_second.median:,.0f}", f"{speed.ceiling_share.median:.0%}"]
                cells += [f"{speed.peak_memory_mib / 1024:.1f}"]
                cells += [beside(prepared, job, steps) if objective.name == "ntp" else ""]
            except (ReversalError, torch.OutOfMemoryError) as error:  # the other cases are not to be lost
                cells += [str(error).splitlines()[0][:120]]
                print(repr(error), file=sys.stderr)
            gc.collect()  # trainers and their callbacks refer to each other: without it, their memory stays
            torch.cuda.empty_cache()
            yield f"| {' | '.join(cells)} |"


def shaped(job: TrainingJob, batch: int, tokens: int | None) -> TrainingJob:
    """The job with batches of that many rows, of that many random tokens."""
    job = replace(job, training=job.training.model_copy(update={"batch_size": batch}))
    if tokens is None:
        return job
    generator = np.random.default_rng(0)
    ids = generator.integers(3, VOCABULARY, (16 * batch, tokens - 2)).tolist()
    return replace(job, rows=[Row((1, *row, 2), 1) for row in ids])


def beside(prepared: Prepared, job: TrainingJob, steps: int) -> str:
    """How much faster than each other trainer, and the memory of both, the same steps in turns."""
    job = one_epoch(job, steps)
    makers: dict[str, Callable[..., Trainer]] = {"Trainer": stock_trainer, "TRL": sft_trainer}

    def ours(model: nn.Module, *_: object) -> Trainer:
        return new_trainer(model, job, plan_batches(job), Path(tempfile.mkdtemp()), [], ObjectiveTrainer)

    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *makers)}
    peaks = {}
    for _ in range(1 + ROUNDS):
        for name, maker in {"ours": ours, **makers}.items():
            arguments = trainer_arguments(job, Path(tempfile.mkdtemp()), plan_batches(job), DTYPE, DEVICE)
            torch.cuda.empty_cache()
            reset_peak_memory(DEVICE)
            seconds[name].append(epoch_seconds(maker(prepared.model, prepared.loaded, job, arguments), prepared.model))
            peaks[name] = peak_memory(DEVICE) / 1024
            prepared.model.zero_grad(set_to_none=True)
    medians = {name: statistics.median(of_turns[1:]) for name, of_turns in seconds.items()}
    others = [f"{name} {medians[name] / medians['ours']:.2f} x our time, {peaks[name]:.1f} GiB" for name in makers]
    return f"{'; '.join(others)} (ours {peaks['ours']:.1f})"


if __name__ == "__main__":
    main()
