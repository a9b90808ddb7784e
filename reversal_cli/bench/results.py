"""What a benchmark found, with the machine it ran on: the content of bench.json."""

import shlex
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from reversal_cli.bench.cases import STEPS, BenchOptions
from reversal_cli.bench.ceiling import Ceiling
from reversal_cli.bench.eval_speed import EvalSpeed
from reversal_cli.bench.measure import Spread
from reversal_cli.bench.train_speed import TrainSpeed
from reversal_cli.models.precision import arithmetic
from reversal_cli.runs.provenance import Provenance

VERSION = 1


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One model with one objective and one batch size."""

    case: str
    model: str
    objective: str
    tuning: str
    batch_size: int
    eval_batch_size: int
    training: TrainSpeed
    evaluation: EvalSpeed


@dataclass(frozen=True, slots=True)
class PeerResult:
    """The same work done by this tool and by another, in turns."""

    case: str
    peer: str
    unit: str
    """What is counted per second."""
    ours: Spread
    theirs: Spread
    ratio: float
    """Our median divided by theirs: above 1, this tool is faster."""


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Everything that was measured in one run of `reversal bench`."""

    command: str
    machine: Provenance
    dtype: torch.dtype
    device: torch.device
    ceiling: Ceiling
    cases: list[CaseResult]
    peers: list[PeerResult] = field(default_factory=list)

    def content(self) -> dict[str, Any]:
        """The object in bench.json."""
        return {
            "version": VERSION,
            "command": self.command,
            **self.machine.content(),
            "arithmetic": arithmetic(self.dtype, self.device).content(),
            "ceiling": asdict(self.ceiling),
            "cases": [asdict(case) for case in self.cases],
            "peers": [asdict(peer) for peer in self.peers],
        }


def command_line(options: BenchOptions) -> str:
    """The command that measures the same; without what decides only where results go."""
    words = ["reversal", "bench"]
    for flag, values in (
        ("--model", options.models),
        ("--objective", options.objectives),
        ("--batch-size", [size for size in options.batch_sizes if size is not None]),
    ):
        words += [word for value in values for word in (flag, str(value))]
    for flag, value in (("--dtype", options.dtype), ("--device", options.device)):
        words += [flag, value] if value else []
    words += ["--steps", str(options.steps)] if options.steps != STEPS else []
    return shlex.join(words + (["--peers"] if options.peers else []))
