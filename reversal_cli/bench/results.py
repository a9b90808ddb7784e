"""What a benchmark found, with the machine it ran on: the content of bench.json."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from reversal_cli.bench.ceiling import Ceiling
from reversal_cli.bench.eval_speed import EvalSpeed
from reversal_cli.bench.measure import Spread, was_busy
from reversal_cli.bench.speeds import Speed, model_key
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
    max_new_tokens: int
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
    characters_per_row: float
    """Mean length of the training rows."""
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
            "characters_per_row": self.characters_per_row,
            "cases": [asdict(case) for case in self.cases],
            "peers": [asdict(peer) for peer in self.peers],
        }

    def speeds(self) -> list[Speed]:
        """What estimates need to know of each case."""
        return [self._speed(case) for case in self.cases]

    def _speed(self, case: CaseResult) -> Speed:
        return Speed(
            model=model_key(case.model),
            objective=case.objective,
            tuning=case.tuning,
            batch_size=case.batch_size,
            max_new_tokens=case.max_new_tokens,
            torch=self.machine.versions["torch"],
            arithmetic=arithmetic(self.dtype, self.device),
            characters_per_row=self.characters_per_row,
            rows_per_second=case.training.rows_per_second.median,
            prompts_per_second=case.evaluation.prompts_per_second.median,
            candidates_per_second=case.evaluation.candidates_per_second.median,
            peak_memory_mib=case.training.peak_memory_mib,
            busy=was_busy(case.training.cores, self.device),
        )
