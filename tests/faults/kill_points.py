"""Kills the commands at random points, runs each again and compares every file with an undisturbed run's.

    python tests/faults/kill_points.py --points 200

One half of the points lie before an event of the file system (a file opened for writing, renamed, removed ...), the
other half at a moment of the command's time, also within what libraries write. The data are three entities, the model
a random Llama of 35 thousand parameters, and a training has 15 steps, with a checkpoint at every second.
"""

import argparse
import json
import operator
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "160"}

from forked import Kill, contents, differences, run_forked

GENERATE = "generate --entities 3 --train-templates 2 --test-templates 1 --validation-templates 1 --overwrite --quiet"
TRAINING = (
    "epochs = 5\nbatch_size = 8\nsave_every_steps = 2\neval_every = 1\neval_limit = 2\n"
    'device = "cpu"\nwarmup_steps = 0\nlearning_rate = 1e-3\n'
)
EXPERIMENTS = {
    "lora": 'dtype = "float32"\nlora = {r = 4, dropout = 0.3}\n',
    "full": 'dtype = "bfloat16"\ntuning = "full"\n',
}
COMMANDS = {
    "generate": f"{GENERATE} --out data",
    "finetune lora": "finetune lora.toml",
    "finetune full": "finetune full.toml",
    "eval": "eval results/lora/seed-0",
    "eval again": "eval results/lora/seed-0 --overwrite",
    "report": "report results --out tables --html",
    "run": "run full.toml --out run",
}
"""Name -> command, in the order in which each leaves what the next ones need."""
SHARES = {"generate": 2, "finetune lora": 3, "finetune full": 3, "eval": 2, "eval again": 2, "report": 2, "run": 2}
"""Of the points."""


class Row(NamedTuple):
    """A line of the table."""

    command: str
    points: int
    killed: int
    """A process may have ended before its moment."""
    lost: list[str]
    """`event 7: other manifest.json`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=COMMANDS, action="append", help="repeatable; with those that it needs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = list(try_all(Path(folder), options.points, options.seed, options.only or list(COMMANDS)))
    for row in rows:
        print("\n".join(f"{row.command}, {line}" for line in row.lost), end="\n" if row.lost else "")
    print("\n| command | points | killed | lost |\n| --- | --- | --- | --- |")
    for row in rows:
        print(f"| `{row.command}` | {row.points} | {row.killed} | {len(row.lost)} |")
    print(json.dumps({"points": sum(row.points for row in rows), "lost": sum(len(row.lost) for row in rows)}))
    sys.exit(any(row.lost for row in rows))


def try_all(folder: Path, points: int, seed: int, names: Sequence[str]) -> Iterator[Row]:
    """The undisturbed commands one after another, and each killed at its share of the points."""
    import_everything()
    state = folder / "state"
    state.mkdir()
    write_inputs(folder, state)
    generator = random.Random(seed)
    shares = [SHARES[name] for name in names]
    ends = [round(points * sum(shares[:index]) / sum(shares)) for index in range(len(shares) + 1)]
    for name, count in zip(names, map(operator.sub, ends[1:], ends), strict=True):
        command = COMMANDS[name]
        start = Path(shutil.copytree(state, folder / "start"))
        undisturbed = run_forked(command.split(), state, folder / "log")
        if undisturbed.code:
            raise SystemExit(f"{command}: exit code {undisturbed.code}\n{undisturbed.output}")
        kills = [
            Kill(event=generator.randint(1, undisturbed.events))
            if index % 2
            else Kill(seconds=generator.uniform(0, undisturbed.seconds))
            for index in range(count)
        ]
        row = try_command(name, start, state, kills, folder)
        print(f"{command}: {count} points, {len(row.lost)} lost", file=sys.stderr, flush=True)
        yield row
        shutil.rmtree(start)


def try_command(name: str, start: Path, undisturbed: Path, kills: list[Kill], folder: Path) -> Row:
    """One command, killed at every point in a copy of `start` and run again."""
    command, expected = COMMANDS[name].split(), contents(undisturbed)
    killed, lost = 0, []
    for kill in kills:
        copy = Path(shutil.copytree(start, folder / "copy"))
        killed += run_forked(command, copy, folder / "log", kill).code < 0
        again = run_forked(command, copy, folder / "log")
        point = f"event {kill.event}" if kill.event else f"{kill.seconds:.2f} s"
        if again.code:
            lost.append(f"{point}: exit code {again.code}: {' '.join(again.output.split())[-300:]}")
        elif changed := differences(contents(copy), expected):
            lost.append(f"{point}: {', '.join(changed)}")
        shutil.rmtree(copy)
    return Row(COMMANDS[name], len(kills), killed, lost)


def write_inputs(folder: Path, state: Path) -> None:
    """The checkpoint, and the experiments in the folder where the commands run."""
    if os.fork() == 0:  # this process itself computes nothing: it is to have no threads when it is copied
        from checkpoints import save_checkpoint
        from transformers import LlamaConfig, LlamaForCausalLM

        save_checkpoint(folder / "base", LlamaConfig, LlamaForCausalLM, bos=True)
        os._exit(0)
    if os.wait()[1]:
        raise SystemExit("the checkpoint cannot be written")
    for name, options in EXPERIMENTS.items():
        (state / f"{name}.toml").write_text(
            f'baseline = false\ndataset.path = "data"\nmodel.name = "{folder / "base"}"\n'
            f"evaluation = {{max_new_tokens = 3, batch_size = 2}}\n[training]\n{TRAINING}{options}"
        )


def import_everything() -> None:
    """What the commands import, once for all of their processes."""
    import matplotlib
    import pandas
    import peft
    import sacrebleu
    import torch
    from transformers.models.llama import modeling_llama, tokenization_llama

    import reversal_cli.cli
    import reversal_cli.models.loading
    import reversal_cli.pipeline
    import reversal_cli.report
    import reversal_cli.training.finetune

    assert all((matplotlib, pandas, peft, sacrebleu, modeling_llama, tokenization_llama, reversal_cli))
    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
