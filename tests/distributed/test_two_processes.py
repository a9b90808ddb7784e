"""Two processes on a CPU, as torchrun and accelerate start them: what one process makes, they make too."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from checkpoints import save_glm
from launching import ACCELERATE, NO_DROPOUT, TORCHRUN, exit_codes, launch, records, train_command

from reversal_cli.cli import main
from reversal_cli.data.name_description import Options, generate
from reversal_cli.files.writing import file_sha256
from reversal_cli.runs.directory import RunDirectory

STOCHASTIC = ("--objective", "bico", "--lora", "--set", "training.lora.dropout=0.3")


STOPPED = "-15"
"""The exit code of a process that the launcher stops, because it has noticed the end of the other first."""


class Pair(NamedTuple):
    """Results of the same commands in one process, and in two."""

    one: Path
    two: Path
    output: str
    """What the two printed."""
    unfinished: list[str]
    """The command of the training that was cut off."""


def digests(run: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in run.rglob("*.safetensors")}


@pytest.fixture(scope="module")
def pair(llama_checkpoint, tmp_path_factory) -> Pair:
    """NTP, BICO and ABI trained, and one run evaluated; the second folder's last training is cut off in step 10."""
    folder = tmp_path_factory.mktemp("together")
    glm = folder / "glm"
    glm.mkdir()
    save_glm(glm, max_sequence_length=512, **NO_DROPOUT)
    data = generate(Options(entities=2, train_templates=2, test_templates=2, validation_templates=1), folder / "data")

    def train(out: str, name: str, model: object, *flags: str) -> list[str]:
        return train_command(folder / out, name, model, data, *flags)

    def trainings(out: str) -> list[list[str]]:
        bico = ("--objective", "bico", "--lora", "--set", "training.lora.dropout=0")
        return [
            train(out, "ntp", llama_checkpoint, "--full", "--eval-every", "1"),
            train(out, "bico", llama_checkpoint, *bico),
            train(out, "abi", glm, "--objective", "abi", "--full"),
        ]

    for command in trainings("one"):
        assert main(command) == 0
    run = folder / "one" / "ntp" / "seed-0"
    shutil.copytree(run, folder / "two" / "evaluated" / "seed-0")
    assert main(["eval", str(run)]) == 0
    cut_off = RunDirectory(folder / "two" / "evaluated" / "seed-0")
    cut_off.write_predictions("N2D", RunDirectory(run).read_predictions("N2D")[1:2])
    unfinished = train("two", "continued", llama_checkpoint, *STOCHASTIC)
    together = [
        *trainings("two"),
        ["eval", str(cut_off.path)],
        train("two", "whole", llama_checkpoint, *STOCHASTIC),
        ["stop", "10", "0", "interrupt"],
        unfinished,
    ]
    return Pair(folder / "one", folder / "two", launch(TORCHRUN, together), unfinished)


@pytest.mark.parametrize("name", ["ntp", "bico", "abi"])
def test_the_losses_are_those_of_one_process(pair, name):
    one, two = (records(results / name / "seed-0" / "train_log.jsonl") for results in (pair.one, pair.two))
    assert [record["step"] for record in two] == [record["step"] for record in one] != []
    for key in ("loss", "grad_norm", "learning_rate"):
        assert [record[key] for record in two] == pytest.approx([record[key] for record in one], rel=0, abs=1e-5)
    of_one, of_two = (RunDirectory(results / name / "seed-0").manifest.training for results in (pair.one, pair.two))
    assert (of_one.processes, of_two.processes) == (1, 2)
    for count in ("steps", "rows", "tokens", "labels", "flops"):
        assert getattr(of_two, count) == getattr(of_one, count) > 0


def test_the_curve_along_training_is_that_of_one_process(pair):
    one, two = (records(results / "ntp" / "seed-0" / "curve.jsonl") for results in (pair.one, pair.two))
    assert one == two and [record["epoch"] for record in two] == [1, 2, 3]


def test_an_evaluation_that_was_cut_off_ends_with_the_files_of_one_process(pair):
    one, two = pair.one / "ntp" / "seed-0", pair.two / "evaluated" / "seed-0"
    names = sorted(path.name for path in (one / "predictions").iterdir())
    assert names == sorted(path.name for path in (two / "predictions").iterdir()) and len(names) == 4
    for name in ("metrics.json", *(f"predictions/{name}" for name in names)):
        assert (two / name).read_text() == (one / name).read_text()


def test_only_the_first_process_prints(pair):
    assert pair.output.count("finetune glm abi: 12 steps in") == 1


def test_an_interruption_ends_both_with_one_line_and_its_exit_code(pair):
    assert pair.output.count("interrupted; what was finished is kept") == 1
    assert exit_codes(pair.output) <= {"130", STOPPED} and "130" in exit_codes(pair.output)


def test_a_training_is_continued_and_a_mistake_in_the_second_process_ends_both_with_one_line(pair):
    other = ["other" if word == "continued" else word for word in pair.unfinished]
    output = launch(ACCELERATE, [pair.unfinished, ["stop", "2", "1", "mistake"], other])
    assert "continues from checkpoint-8" in output
    whole, continued = (pair.two / name / "seed-0" for name in ("whole", "continued"))
    assert digests(continued) == digests(whole) != {}
    assert [line for line in output.splitlines() if line.startswith("error:")] == ["error: process 1: a mistake"]
    assert exit_codes(output) <= {"2", STOPPED} and "2" in exit_codes(output)
