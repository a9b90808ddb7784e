"""Memory of a training beside stock `transformers.Trainer` on the same rows: a Markdown table.

    python tests/benchmarks/random_llama.py /tmp/vocabulary-32000 --vocabulary 32000
    python tests/benchmarks/training_memory.py tiny-llama /tmp/vocabulary-32000 > results/bench/training-memory.md

MiB that 100 training steps need at most above what there was once the model was loaded; a process of its own for each.
The stock Trainer learns the rows as NTP does, whatever the objective beside it. CPUs only.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from reversal_cli.bench.measure import peak_memory, reset_peak_memory
from reversal_cli.bench.peer_training import epoch_seconds, one_epoch, stock_trainer
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate
from reversal_cli.models.precision import choose_dtype
from reversal_cli.spec.loading import flag_settings, load_experiment
from reversal_cli.training.finetune import new_trainer, plan_batches
from reversal_cli.training.preparation import prepare_job
from reversal_cli.training.trainer import ObjectiveTrainer, trainer_arguments

OBJECTIVES = ("ntp", "bico", "abi")
STEPS = 100
DEVICE = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--of", nargs=3, help="one process's part: objective, tuning and dtype")
    parser.add_argument("--stock", action="store_true", help="... of the stock Trainer")
    arguments = parser.parse_args()
    if arguments.of:
        print(peak_of(arguments.models[0], arguments.batch_size, *arguments.of, stock=arguments.stock))
        return
    print(f"Batches of {arguments.batch_size}, {torch.get_num_threads()} threads. MiB.\n")
    print("| model | objective | tuning | dtype | here | Trainer | ratio |\n|---|---|---|---|---|---|---|")
    for model in arguments.models:
        for tuning in ("full", "lora"):
            for dtype in ("float32", "bfloat16"):
                theirs = measured(arguments, model, ["ntp", tuning, dtype], stock=True)
                for objective in OBJECTIVES:
                    ours = measured(arguments, model, [objective, tuning, dtype])
                    cells = (Path(model).name, objective, tuning, dtype, f"{ours:.0f}", f"{theirs:.0f}")
                    print(f"| {' | '.join(cells)} | {ours / theirs:.2f} |", flush=True)


def measured(arguments: argparse.Namespace, model: str, of: list[str], stock: bool = False) -> float:
    """The MiB that a process of its own needs."""
    command = [sys.executable, __file__, model, "--batch-size", str(arguments.batch_size), "--of", *of]
    command += ["--stock"] * stock
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def peak_of(model: str, batch_size: int, objective: str, tuning: str, dtype: str, stock: bool) -> float:
    """MiB that the steps need at most above the loaded model."""
    flags = {
        "--model": ("model.name", model),
        "--objective": ("objective.name", objective),
        "--tuning": ("training.tuning", tuning),
        "--dtype": ("training.dtype", dtype),
        "--batch-size": ("training.batch_size", batch_size),
        "--device": ("training.device", DEVICE.type),
    }
    spec = load_experiment(None, flag_settings(flags, [])).specs[0]
    with tempfile.TemporaryDirectory() as folder:
        generate(Options(), Path(folder) / "data")
        loaded, network, job = prepare_job(spec, load_folder(Path(folder) / "data"))
        job = one_epoch(job, STEPS)
        batches = plan_batches(job)
        out = Path(folder) / "run"
        reset_peak_memory(DEVICE)
        before = peak_memory(DEVICE)
        if stock:
            arguments = trainer_arguments(job, out, batches, choose_dtype(dtype, DEVICE), DEVICE)
            epoch_seconds(stock_trainer(network, loaded, job, arguments), network)
        else:
            epoch_seconds(new_trainer(network, job, batches, out, [], ObjectiveTrainer), network)
        return peak_memory(DEVICE) - before


if __name__ == "__main__":
    main()
