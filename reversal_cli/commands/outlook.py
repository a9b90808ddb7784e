"""What the runs of an experiment will take, and which of them are complete: for `reversal run` and its `--dry-run`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from reversal_cli.bench.cases import commands_for
from reversal_cli.bench.forecast import Estimate, estimate, side_by_side
from reversal_cli.bench.speeds import Speed, read_speeds, speeds_path
from reversal_cli.bench.workload import Evaluation, Workload, evaluation_of, training_of
from reversal_cli.benchmark import preview_dataset
from reversal_cli.console import Terminal
from reversal_cli.data.base import Splits
from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import JsonObject
from reversal_cli.progress import rough_time
from reversal_cli.runs.directory import RunDirectory, run_path
from reversal_cli.runs.manifest import refuse_other_spec
from reversal_cli.spec.experiment import DatasetSpec, ExperimentSpec

State = Literal["new", "trained", "complete"]


class RunOutlook(NamedTuple):
    """What one run will take."""

    spec: ExperimentSpec
    state: State
    estimate: Estimate | None
    """None: the run is complete, nothing like it was measured, or it cannot be estimated."""
    problem: str = ""
    """Why the run cannot be estimated or continued."""

    def content(self) -> JsonObject:
        """The fields of `--json`."""
        estimate = self.estimate and self.estimate.content()
        return {"state": self.state, "estimate": estimate, "problem": self.problem or None}

    def lines(self) -> list[str]:
        """The comments above its spec."""
        if self.state == "complete":
            return ["complete: `reversal run` skips it"]
        lines = [self.problem] if self.problem else []
        return lines + ([_sentence(self.estimate, self.state)] if self.estimate else [])


class Outlook(NamedTuple):
    """What all runs will take."""

    runs: list[RunOutlook]
    workers: int

    def total(self) -> list[str]:
        """The time and memory of all runs that are left; the commands that measure what an estimate lacks."""
        left = [run for run in self.runs if run.state != "complete"]
        lines = self._sum(left)
        for command in commands_for([run.spec for run in left if not run.estimate and not run.problem]):
            lines.append(f"no estimate: run `{command}`")
        return lines

    def beforehand(self) -> str:
        """The time and memory of the runs that are left; empty where nothing like them was measured."""
        left = [run for run in self.runs if run.state != "complete"]
        return self._sum(left)[0] if any(run.estimate for run in left) else ""

    def _sum(self, left: Sequence[RunOutlook]) -> list[str]:
        complete = len(self.runs) - len(left)
        if not left:
            return ["all runs are complete"]
        estimates = [run.estimate for run in left if run.estimate]
        if not estimates:
            return [f"{complete} of {len(self.runs)} runs complete"] if complete else []
        seconds = side_by_side([estimate.seconds for estimate in estimates], self.workers)
        memory = sum(sorted(estimate.memory_mib or 0.0 for estimate in estimates)[-self.workers :])
        parts = [f"in all about {rough_time(seconds)} for {len(estimates)} of {len(self.runs)} runs"]
        parts += [f"{complete} complete"] if complete else []
        parts += [f"{self.workers} at a time, if they do not slow one another"] if self.workers > 1 else []
        parts += [f"about {_memory(memory)} of memory"] if memory else []
        return ["; ".join(parts)]


def look_ahead(
    specs: Sequence[ExperimentSpec], results: Path, overwrite: bool, workers: int, terminal: Terminal
) -> Outlook:
    """What the runs will take. A broken file of speeds is a warning, and as if nothing had been measured."""
    try:
        speeds = read_speeds()
    except ReversalError as error:
        terminal.warn(str(error))
        speeds = []
    workers = min(workers, len(specs))
    workloads = Workloads()
    return Outlook([_outlook(spec, results, overwrite, speeds, workers, workloads) for spec in specs], workers)


def say_estimate(
    specs: Sequence[ExperimentSpec], results: Path, overwrite: bool, workers: int, terminal: Terminal
) -> None:
    """Says what the runs will take before they begin, if `reversal bench` has measured anything like them here."""
    if terminal.quiet or not speeds_path().is_file():
        return
    if line := look_ahead(specs, results, overwrite, workers, terminal).beforehand():
        terminal.say(f"estimate: {line}")


class Workloads:
    """What the runs do. Each dataset is read once, and counted once for each kind of evaluation."""

    def __init__(self) -> None:
        self._splits: dict[str, Splits | ReversalError] = {}
        self._evaluations: dict[tuple[str, str], Evaluation] = {}

    def of(self, spec: ExperimentSpec) -> Workload:
        """Raises ReversalError as `preview_dataset` does."""
        splits, key = self._read(spec.dataset), (spec.dataset.model_dump_json(), spec.evaluation.model_dump_json())
        if key not in self._evaluations:
            self._evaluations[key] = evaluation_of(spec.evaluation, splits)
        return Workload(training_of(spec.training, splits), self._evaluations[key])

    def _read(self, dataset: DatasetSpec) -> Splits:
        key = dataset.model_dump_json()
        if key not in self._splits:
            try:
                self._splits[key] = preview_dataset(dataset)
            except ReversalError as error:
                self._splits[key] = error
        splits = self._splits[key]
        if isinstance(splits, ReversalError):
            raise splits
        return splits


def _outlook(
    spec: ExperimentSpec, results: Path, overwrite: bool, speeds: Sequence[Speed], workers: int, workloads: Workloads
) -> RunOutlook:
    run = RunDirectory(run_path(results, spec.name, spec.seed))
    try:
        state = "new" if overwrite else _state(run, spec)
    except ReversalError as error:
        return RunOutlook(spec, "new", None, f"cannot be made: {error}")
    if state == "complete":
        return RunOutlook(spec, state, None)
    is_trained = state == "trained" or not spec.objective.trains
    try:
        return RunOutlook(spec, state, estimate(spec, is_trained, speeds, workers, workloads.of))
    except ReversalError as error:
        return RunOutlook(spec, state, None, f"no estimate: {error}")


def _state(run: RunDirectory, spec: ExperimentSpec) -> State:
    """How far the run is. Raises ReversalError if its folder holds another one, or a broken manifest."""
    if not run.is_trained:
        return "new"
    refuse_other_spec(run, spec)
    return "complete" if run.is_complete else "trained"


def _sentence(estimate: Estimate, state: State) -> str:
    """`about 4 min: training 3 min, 2440 prompts 1 min; about 900 MiB of memory; measured with lora tuning`."""
    parts = [f"training {rough_time(estimate.training)}"] if estimate.training else []
    parts.append(f"{estimate.evaluation.prompts} prompts {rough_time(estimate.generation)}")
    if estimate.evaluation.rankings:
        parts.append(f"{estimate.evaluation.rankings} rankings {rough_time(estimate.ranking)}")
    memory = [f"about {_memory(estimate.memory_mib)} of memory"] if estimate.memory_mib else []
    trained = "trained; " if state == "trained" else ""
    return "; ".join([f"{trained}about {rough_time(estimate.seconds)}: {', '.join(parts)}", *memory, *estimate.notes])


def _memory(mib: float) -> str:
    """
    >>> _memory(874.0), _memory(1946.0)
    ('870 MiB', '1.9 GiB')
    """
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{round(mib, -1):.0f} MiB"
