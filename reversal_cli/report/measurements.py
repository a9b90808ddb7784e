"""metrics.json -> the measured part of the frame's lines, one value per line."""

from collections.abc import Iterator
from typing import Any

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.report.references import RUN
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.scoring import GAP, chance

OPTIONS = 4
"""Of a multiple-choice question, where there are as many candidates."""

Line = dict[str, Any]


def measurement_lines(run: RunDirectory, metrics: dict[str, Any]) -> Iterator[Line]:
    """Lines of the run, of its controls and of the floors. What was not measured has no line.

    Raises KeyError, TypeError or AttributeError where the file has another form.
    """
    definitions = metrics.get("definitions", {})
    for subtask in SUBTASKS:
        yield from _measured(RUN, subtask, metrics["subtasks"][subtask], definitions, run)
    references = metrics.get("floors", {}) | metrics.get("controls", {})
    for row, by_subtask in references.items():
        for subtask in SUBTASKS:
            if subtask in by_subtask:
                yield from _measured(row, subtask, by_subtask[subtask], definitions, run)


def _measured(
    row: str, subtask: str, measured: dict[str, Any], definitions: dict[str, str], run: RunDirectory
) -> Iterator[Line]:
    where = {"row": row, "subtask": subtask, "target": TARGETS[subtask]}
    candidates = _candidates(run, row, subtask, measured)
    for metric, estimate in measured["metrics"].items():
        yield where | {
            "metric": metric,
            "definition": definitions.get(metric, ""),
            "value": estimate["mean"],
            "low": estimate["low"],
            "high": estimate["high"],
            "intervals": measured.get("intervals", ""),
            "chance": _chance(metric, candidates),
            "n": measured["n"],
            "entities": measured["entities"],
            "templates": measured.get("templates"),
        }
    gap = measured.get(GAP)
    if gap:
        common = where | {"definition": definitions.get(GAP, ""), "low": None, "high": None, "chance": None}
        common |= {"intervals": gap.get("intervals", ""), "templates": measured.get("templates")}
        yield from (common | line for line in _gap_lines(gap, measured))


def _chance(metric: str, candidates: int | None) -> float | None:
    """What guessing scores; None where it is not defined, or the number of candidates is unknown."""
    choices = min(OPTIONS, candidates or OPTIONS) if metric == "multiple_choice" else candidates
    return chance(metric, choices) if choices else None


def _gap_lines(gap: dict[str, Any], measured: dict[str, Any]) -> Iterator[Line]:
    """Over entities (the means of their rows), then over rows, as published."""
    over_entities = {"n": measured["n"], "entities": gap["entities"]}
    over_rows = {"n": gap["rows"]["n"], "entities": gap["entities"]}
    yield over_entities | {"metric": GAP, "value": gap["mean"], "low": gap["low"], "high": gap["high"]}
    yield from (over_entities | line for line in _test_lines(GAP, gap))
    yield over_rows | {"metric": f"{GAP}_rows", "value": gap["rows"]["mean"]}
    yield from (over_rows | line for line in _test_lines(f"{GAP}_rows", gap["rows"]))


def _test_lines(prefix: str, tests: dict[str, Any]) -> Iterator[Line]:
    for test in ("paired_t", "ks"):
        yield {"metric": f"{prefix}_{test}", "value": tests[test]["statistic"]}
        yield {"metric": f"{prefix}_{test}_p", "value": tests[test]["p"]}


def _candidates(run: RunDirectory, row: str, subtask: str, measured: dict[str, Any]) -> int | None:
    """How many candidates the target was ranked among: as measured, or else as the predictions of the run say."""
    if "candidates" in measured or "rank_top1" not in measured["metrics"] or row != RUN:
        return measured.get("candidates")
    ranked = (record["ranking"]["candidates"] for record in run.read_predictions(subtask) if "ranking" in record)
    return next(ranked, None)
