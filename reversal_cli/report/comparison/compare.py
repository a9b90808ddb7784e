"""Two run folders -> the comparison of each subtask."""

from dataclasses import dataclass
from pathlib import Path

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.plain_text import visible
from reversal_cli.report.comparison.evaluated_run import EvaluatedRun, open_run
from reversal_cli.report.comparison.pairing import Pairs, cautions, pair, refuse_incomparable
from reversal_cli.report.unmeasured import how_to_measure
from reversal_cli.scoring import METRICS
from reversal_cli.statistics.interval_units import Unit
from reversal_cli.statistics.paired import PairedDifference, paired_difference
from reversal_cli.statistics.significance import holm


@dataclass(frozen=True, slots=True)
class SubtaskComparison:
    subtask: str
    paired: PairedDifference
    p_holm: float
    """`paired.p`, corrected for the number of subtasks in the comparison."""


@dataclass(frozen=True, slots=True)
class Comparison:
    a: EvaluatedRun
    b: EvaluatedRun
    metric: str
    definition: str
    subtasks: list[SubtaskComparison]
    notes: list[str]
    """Other differences between the runs, a line each."""


def compare_runs(folder_a: Path, folder_b: Path, metric: str, intervals: Unit = "entities-and-templates") -> Comparison:
    """Run B against run A on every subtask that has the metric; over entities alone if templates are unknown.

    Raises ReversalError if a folder is not one finished run, if the two were not evaluated on the same prompts with the
    same metric, or if no prediction has the metric.
    """
    a, b = open_run(folder_a), open_run(folder_b)
    refuse_incomparable(a, b, metric)
    pairs = {subtask: pair(a, b, subtask, metric) for subtask in SUBTASKS}
    present: dict[str, Pairs] = {subtask: scores for subtask, scores in pairs.items() if scores is not None}
    if not present and metric in METRICS:
        raise ReversalError(f"--metric {metric}: not measured in these runs; {how_to_measure(metric)} for both")
    if not present:
        raise unknown_name("--metric", "metric", metric, _metrics(a) | _metrics(b))
    both = intervals == "entities-and-templates"
    differences = {
        name: paired_difference(scores.a, scores.b, scores.entity_ids, scores.template_ids if both else None)
        for name, scores in present.items()
    }
    p_values = holm([difference.p for difference in differences.values()])
    subtasks = [SubtaskComparison(*item, p) for item, p in zip(differences.items(), p_values, strict=True)]
    absent = [f"{subtask}: neither run has {metric}, left out" for subtask in pairs if subtask not in present]
    notes = [visible(note) for note in (*cautions(a, b, metric), *absent)]
    return Comparison(a, b, visible(metric), visible(_definition(a, b, metric)), subtasks, notes)


def _metrics(run: EvaluatedRun) -> set[str]:
    return {
        name for subtask in SUBTASKS for prediction in run.predictions(subtask).values() for name in prediction.scores
    }


def _definition(a: EvaluatedRun, b: EvaluatedRun, metric: str) -> str:
    """The metric in words or, if this version does not have it, the id of its definition."""
    if metric in METRICS:
        return METRICS[metric].summary
    return a.definitions.get(metric) or b.definitions.get(metric) or "no definition recorded"
