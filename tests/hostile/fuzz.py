"""Reads damaged files with the commands that read them: never a traceback, a hang, or a file outside the results.

    python tests/hostile/fuzz.py --inputs 10000 --keep /tmp/findings

Every input is one file of a small experiment, damaged in one way that a seed decides. A finding is kept as the folder
that reproduces it.
"""

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from mutations import damage

from reversal_cli.cli import main

SECONDS = 20
"""After which a command hangs."""
EXPERIMENT = """name = "small"
[dataset]
path = "data"
[model]
name = "tiny-llama"
[objective]
name = "bico"
mask_probability = [0.1, 0.9]
unit = "token"
[training]
epochs = 1
learning_rate = 1e-3
token_budget = 100
[evaluation]
max_new_tokens = 4
intervals = "entities"
[grid]
seed = [0, 1]
"""


class Subject(NamedTuple):
    """A kind of file, and the commands that read it."""

    files: str
    """A pattern in the folder of the experiment."""
    commands: tuple[tuple[str, ...], ...]


SUBJECTS = {
    "experiment": Subject("experiment.toml", (("run", "experiment.toml", "--dry-run"),)),
    "dataset": Subject(
        "data/*.jsonl", (("generate", "--check", "data"), ("export", "lm-eval", "tasks", "--data", "data"))
    ),
    "card": Subject("data/*.json", (("run", "experiment.toml", "--dry-run"), ("generate", "--check", "data"))),
    "manifest": Subject(
        "results/*/seed-*/manifest.json", (("report", "results"), ("eval", "results/ntp/seed-0", "--limit", "1"))
    ),
    "metrics": Subject(
        "results/*/seed-*/metrics.json", (("report", "results", "--all"), ("report", "results", "--format", "json"))
    ),
    "predictions": Subject(
        "results/*/seed-*/predictions/*.jsonl",
        (("compare", "results/ntp/seed-0", "results/bico/seed-0"), ("report", "results", "--html", "--out", "page")),
    ),
}


class Finding(NamedTuple):
    """What went wrong."""

    subject: str
    number: int
    what: str
    """The traceback's last line, `hang`, or the file that should not be there."""


def fuzz(subjects: list[str], inputs: int, seed: int, keep: Path | None = None) -> Iterator[Finding | None]:
    """A finding, or None, of each input; subjects take turns."""
    with tempfile.TemporaryDirectory() as folder:
        original = Path(folder) / "original"
        make_experiment(original)
        for number in range(inputs):
            subject = subjects[number % len(subjects)]
            yield try_input(original, Path(folder) / "sandbox", subject, number, seed, keep)


def try_input(original: Path, sandbox: Path, subject: str, number: int, seed: int, keep: Path | None) -> Finding | None:
    generator = random.Random(f"{seed} {number}")
    shutil.rmtree(sandbox, ignore_errors=True)
    work = sandbox / "work"
    shutil.copytree(original, work)
    pattern, commands = SUBJECTS[subject]
    path = generator.choice(sorted(work.glob(pattern)))
    how = damage(path, generator)
    what = run(work, generator.choice(commands), sandbox)
    if what is None:
        return None
    if keep is not None:
        shutil.rmtree(keep / str(number), ignore_errors=True)
        shutil.copytree(work, keep / str(number))
    return Finding(subject, number, f"{path.relative_to(work)} ({how}): {what}")


def run(work: Path, command: tuple[str, ...], sandbox: Path) -> str | None:
    """What is wrong with how the command ends; None: nothing."""
    written = io.StringIO()
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(SECONDS)
    before = Path.cwd()
    os.chdir(work)
    try:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            code = main([*command, "--quiet"] if command[0] != "compare" else list(command))
    except TimeoutError:
        return f"{' '.join(command)}: hang"
    except BaseException:
        return f"{' '.join(command)}: {traceback.format_exc().strip()}"
    finally:
        signal.alarm(0)
        os.chdir(before)
    outside = [path.name for path in sandbox.iterdir() if path != work]
    if outside:
        return f"{' '.join(command)}: wrote {outside}"
    if code not in (0, 1, 2):
        return f"{' '.join(command)}: exit code {code}"
    if code == 2 and not written.getvalue().strip():
        return f"{' '.join(command)}: exit code 2 without a line"
    if "\x1b[31mred" in written.getvalue() or "\x00" in written.getvalue():
        return f"{' '.join(command)}: control characters reach the terminal"
    return None


def _hang(*_: object) -> None:
    raise TimeoutError


def make_experiment(folder: Path) -> None:
    """A dataset of two entities and two evaluated runs, made up."""
    sys.path[:0] = [str(Path(__file__).parents[1])]
    from evaluated_runs import make_two_runs

    from reversal_cli.data.name_description import Options, generate

    folder.mkdir()
    generate(Options(entities=2), folder / "data")
    (folder / "experiment.toml").write_text(EXPERIMENT)
    before = Path.cwd()
    os.chdir(folder)
    try:
        make_two_runs()
    finally:
        os.chdir(before)


def command_line() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--subject", choices=list(SUBJECTS), action="append")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    subjects = arguments.subject or list(SUBJECTS)
    started, tried, found = time.monotonic(), Counter(), Counter()
    for number, finding in enumerate(fuzz(subjects, arguments.inputs, arguments.seed, arguments.keep)):
        subject = subjects[number % len(subjects)]
        tried[subject] += 1
        if finding is not None:
            found[subject] += 1
            print(f"{finding.number}: {finding.what}\n", file=sys.stderr)
        if number % 500 == 499:
            print(f"{number + 1} inputs, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print("| damaged file | inputs | findings |\n|---|---|---|")
    for subject in subjects:
        print(f"| {subject} | {tried[subject]:,} | {found[subject]} |")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(command_line())
