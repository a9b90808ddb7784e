"""Measures every case on the generated benchmark, and other tools beside it."""

import gc
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from reversal_cli.bench.cases import BenchOptions, command_line, label
from reversal_cli.bench.ceiling import measure_ceiling
from reversal_cli.bench.eval_speed import EvalSpeed, measure_evaluation
from reversal_cli.bench.peers import measure_peers
from reversal_cli.bench.results import BenchResult, CaseResult
from reversal_cli.bench.train_speed import TrainSpeed, measure_training
from reversal_cli.bench.workload import mean_characters
from reversal_cli.data.base import Splits
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate
from reversal_cli.errors import FullMemoryError, ReversalError
from reversal_cli.models.families import load_checkpoint
from reversal_cli.models.precision import choose_device, choose_dtype
from reversal_cli.runs.provenance import provenance
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.training.preparation import prepare_job

ENTITIES = 30
"""Entities in each group of the dataset, as in the default benchmark."""


def measure_all(specs: Sequence[ExperimentSpec], options: BenchOptions, say: Callable[[str], None]) -> BenchResult:
    """Measures one case after the other. Raises ReversalError as training and evaluation do.

    Left out, so that the other cases are not lost: what the GPU's memory does not hold, if it holds any case; and of
    objectives that were not named, those that the model cannot be trained with.
    """
    machine, splits = provenance(), benchmark_splits()
    device = choose_device(specs[0].training.device)
    dtype = choose_dtype(specs[0].training.dtype, device)
    ceiling = measure_ceiling(dtype, device)
    cases = _Cases(splits, options, ceiling.gflops)
    measured, full = [], None
    for index, spec in enumerate(specs, start=1):
        say(f"bench {index}/{len(specs)}: {label(spec)}")
        try:
            if cases.measure(spec, say):
                measured.append(spec)
        except FullMemoryError as error:
            say(f"left out: {error}")
            full = error
        gc.collect()
    if full and not measured:
        raise full
    peers = measure_peers(measured, splits, options.steps, say) if options.peers else []
    characters = mean_characters(splits.train)
    return BenchResult(command_line(options), machine, dtype, device, ceiling, characters, cases.results, peers)


class _Cases:
    """Measures cases and keeps their results."""

    def __init__(self, splits: Splits, options: BenchOptions, ceiling_gflops: float):
        self.splits = splits
        self.options = options
        self.ceiling_gflops = ceiling_gflops
        self.results: list[CaseResult] = []
        self.evaluations: dict[tuple[str, str], EvalSpeed] = {}
        """By model and objective: the batch size of a training changes no evaluation."""

    def measure(self, spec: ExperimentSpec, say: Callable[[str], None]) -> bool:
        """Whether the case was measured."""
        try:
            prepared = prepare_job(spec, self.splits)
        except ReversalError as error:
            if self.options.objectives or spec.objective.name == "ntp":  # which every model can be trained with
                raise
            say(f"left out: {error}")
            return False
        training = measure_training(prepared.model, prepared.job, self.options.steps, self.ceiling_gflops)
        del prepared  # its memory is not the evaluation's
        asked = (spec.model.name, spec.objective.name)
        if asked not in self.evaluations:
            self.evaluations[asked] = _evaluation(spec, self.splits)
        self.results.append(_case(spec, training, self.evaluations[asked]))
        return True


def benchmark_splits() -> Splits:
    """The generated benchmark; its folder is gone again."""
    with tempfile.TemporaryDirectory() as folder:
        return load_folder(generate(Options(entities=ENTITIES), Path(folder) / "data"))


def _evaluation(spec: ExperimentSpec, splits: Splits) -> EvalSpeed:
    device = choose_device(spec.training.device)
    dtype = choose_dtype(spec.training.dtype, device)
    return measure_evaluation(load_checkpoint(spec, dtype, device), spec, splits)


def _case(spec: ExperimentSpec, training: TrainSpeed, evaluation: EvalSpeed) -> CaseResult:
    return CaseResult(
        case=label(spec),
        model=spec.model.name,
        objective=spec.objective.name,
        tuning=spec.training.tuning,
        batch_size=spec.training.batch_size,
        eval_batch_size=spec.evaluation.batch_size,
        max_new_tokens=spec.evaluation.max_new_tokens,
        training=training,
        evaluation=evaluation,
    )
