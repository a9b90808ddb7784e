"""What the tables of a benchmark say beside the numbers."""

import dataclasses

import pytest
import torch

from reversal_cli.bench.ceiling import Ceiling
from reversal_cli.bench.eval_speed import EvalSpeed
from reversal_cli.bench.measure import Spread
from reversal_cli.bench.results import BenchResult, CaseResult
from reversal_cli.bench.table import NOISE_NOTE, bench_markdown, bench_tables
from reversal_cli.bench.train_speed import PARTS, TrainSpeed
from reversal_cli.runs.provenance import Hardware, Provenance

CALM, WILD = Spread(10.0, 9.0, 11.0, 20, False), Spread(10.0, 5.0, 15.0, 20, True)


def result(rate: Spread = CALM, cores: float = 1.9, device: str = "cpu") -> BenchResult:
    training = TrainSpeed(rate, CALM, 0.25, CALM, dict.fromkeys(PARTS, CALM), CALM, CALM, 512.0, cores)
    case = CaseResult("m ntp, batch 2", "m", "ntp", "full", 2, 64, 40, training, EvalSpeed(64, CALM, 960, CALM))
    machine = Provenance(started="2025-01-31T12:00:00Z", git=None, versions={"torch": "2"}, hardware=HARDWARE)
    return BenchResult(
        "reversal bench", machine, torch.float32, torch.device(device), Ceiling(100.0, 512), 120.0, [case]
    )


HARDWARE = Hardware(system="Linux x86_64", cpu="a CPU", cores=2, memory_gib=8.0, gpus=[])


def test_a_noisy_number_has_a_star_and_the_table_a_note():
    calm, wild = (bench_tables(result(rate))[0] for rate in (CALM, WILD))
    assert calm.rows[0][1] == "10.0 [9.00, 11.0]" and NOISE_NOTE not in calm.notes
    assert wild.rows[0][1] == "10.0 [5.00, 15.0]*" and NOISE_NOTE in wild.notes


@pytest.mark.parametrize(("cores", "device", "busy"), [(0.3, "cpu", True), (1.0, "cpu", False), (0.3, "cuda", False)])
def test_a_process_that_had_to_wait_for_the_processor_says_so(cores, device, busy):
    notes = bench_tables(result(cores=cores, device=device))[0].notes
    assert any("other programs ran" in note for note in notes) == busy


def test_the_markdown_has_the_machine_and_every_table():
    text = bench_markdown(result())
    assert "a CPU, 2 cores, 8.0 GiB, no GPU; Linux x86_64" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Training",
        "## A training step",
        "## Evaluation",
    ]
    assert dataclasses.replace(result(), peers=[]).content()["cases"][0]["training"]["padding"] == 0.25
