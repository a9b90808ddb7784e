"""metrics.json -> the columns of the frame that hold measurements, one value per line."""

from collections.abc import Iterator
from typing import Any

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.report.interval_methods import EARLIER
from reversal_cli.report.references import RUN
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import Metrics
from reversal_cli.scoring import GAP, INTERVALS, INTERVALS_DEFINITION, chance
from reversal_cli.scoring.results import Gap, GapOverRows, SubtaskScores

OPTIONS = 4
"""Answers of a multiple-choice question, if there are as many candidates."""

Line = dict[str, Any]


def measurement_lines(run: RunDirectory, metrics: Metrics) -> Iterator[Line]:
    """Lines of the run, its controls and the floors; none for values that were not measured."""
    rows = {RUN: metrics.subtasks, **metrics.floors, **metrics.controls}
    for row, by_subtask in rows.items():
        for subtask in SUBTASKS:
            if subtask in by_subtask:
                yield from _subtask_lines(row, subtask, by_subtask[subtask], metrics.definitions, run)


def _subtask_lines(
    row: str, subtask: str, scores: SubtaskScores, definitions: dict[str, str], run: RunDirectory
) -> Iterator[Line]:
    labels: Line = {"row": row, "subtask": subtask, "target": TARGETS[subtask]}
    candidates = _candidates(run, row, subtask, scores)
    for metric, score in scores.metrics.items():
        yield labels | {
            "metric": metric,
            "definition": definitions.get(metric, ""),
            "value": score.mean,
            "low": score.low,
            "high": score.high,
            "intervals": _unit(scores.intervals, definitions),
            "chance": _chance(metric, scores.entities if metric in INVERSE else candidates),
            "n": scores.n,
            "entities": scores.entities,
            "templates": scores.templates,
        }
    gap = scores.log_probability_gap
    if gap:
        common = labels | {"definition": definitions.get(GAP, ""), "low": None, "high": None, "chance": None}
        common |= {"intervals": _unit(gap.intervals, definitions), "templates": scores.templates}
        yield from (common | line for line in _gap_lines(gap, scores.n))


INVERSE = ("inverse_rank_top1", "inverse_mrr")
"""Metrics whose candidates are the entities that the subtask asks about."""


def _unit(unit: str | None, definitions: dict[str, str]) -> str:
    """What an interval is over; `EARLIER` if it was made in another way than today's."""
    is_todays = definitions.get(INTERVALS, INTERVALS_DEFINITION) == INTERVALS_DEFINITION
    return unit if unit and is_todays else EARLIER


def _chance(metric: str, candidates: int | None) -> float | None:
    """The score of a random guess; None if it is undefined, or the number of candidates is unknown."""
    choices = min(OPTIONS, candidates or OPTIONS) if metric == "multiple_choice" else candidates
    return chance(metric, choices) if choices else None


def _gap_lines(gap: Gap, n: int) -> Iterator[Line]:
    """The gap with tests over means of entities, then over examples, as published."""
    over_entities = {"n": n, "entities": gap.entities}
    over_rows = {"n": gap.rows.n, "entities": gap.entities}
    yield over_entities | {"metric": GAP, "value": gap.mean, "low": gap.low, "high": gap.high}
    yield from (over_entities | line for line in _test_lines(GAP, gap))
    yield over_rows | {"metric": f"{GAP}_rows", "value": gap.rows.mean}
    yield from (over_rows | line for line in _test_lines(f"{GAP}_rows", gap.rows))


def _test_lines(prefix: str, gap: Gap | GapOverRows) -> Iterator[Line]:
    for name, test in {"paired_t": gap.paired_t, "ks": gap.ks}.items():
        yield {"metric": f"{prefix}_{name}", "value": test.statistic}
        yield {"metric": f"{prefix}_{name}_p", "value": test.p}


def _candidates(run: RunDirectory, row: str, subtask: str, scores: SubtaskScores) -> int | None:
    """Number of answers in the ranking, from metrics.json or, for an earlier version, from the predictions."""
    if scores.candidates is not None or "rank_top1" not in scores.metrics or row != RUN:
        return scores.candidates
    rankings = (prediction.ranking for prediction in run.read_predictions(subtask))
    return next((ranking.candidates for ranking in rankings if ranking), None)
