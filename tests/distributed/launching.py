"""Commands in several processes, as torchrun and accelerate start them, and a small training for them."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("commands_together.py")
TORCHRUN = ("torch.distributed.run", "--nproc-per-node", "2", "--master-port")
ACCELERATE = (
    *("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"),
    *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port"),
)
SETTINGS = {
    "training.batch_size": 5,
    "training.epochs": 3,
    "training.warmup_steps": 0,
    "training.learning_rate": 1e-3,
    "training.dtype": "float32",
    "training.device": "cpu",
    "evaluation.max_new_tokens": 3,
    "evaluation.batch_size": 3,
    "evaluation.controls": "false",
}
"""16 rows an epoch: of its four batches one has a single row, and none for the second process."""
NO_DROPOUT = {"embedding_dropout_prob": 0.0, "attention_dropout_prob": 0.0, "output_dropout_prob": 0.0}


def train_command(out: Path, name: str, model: object, data: Path, *flags: str) -> list[str]:
    settings = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    where = ("--out", str(out), "--name", name, "--model", str(model), "--data", str(data))
    return ["finetune", *where, *settings, *flags]


def launch(launcher: tuple[str, ...], commands: list[list[str]], **variables: str) -> str:
    """What the launcher and its processes print on stderr. variables: of their environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", *launcher, port, str(SCRIPT), json.dumps(commands)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900).stderr


def exit_codes(output: str) -> set[str]:
    """Of the processes that failed, from the launcher's report."""
    return set(re.findall(r"exitcode {2}: (-?\d+)", output))


def records(path: Path) -> list[dict]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]
