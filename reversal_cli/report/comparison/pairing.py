"""Two runs -> pairs of scores, prompt by prompt, after every check that the runs can be compared."""

from typing import NamedTuple

from reversal_cli.data.base import TEST_FILES
from reversal_cli.data.template_keys import known_templates
from reversal_cli.errors import ReversalError
from reversal_cli.report.comparison.evaluated_run import EvaluatedRun
from reversal_cli.runs.records import Prediction

HARMLESS = ("batch_size", "intervals", "retention")
"""Conditions that do not change a completion, except by rounding."""


class Pairs(NamedTuple):
    """The scores of both runs, one prompt per position in each list."""

    entity_ids: list[str]
    template_ids: list[str] | None
    """None if unknown."""
    a: list[float]
    b: list[float]


def refuse_incomparable(a: EvaluatedRun, b: EvaluatedRun, metric: str) -> None:
    """Raises ReversalError for one run twice, for different test files, and for two definitions of the metric."""
    if a.directory.path.resolve() == b.directory.path.resolve():
        raise ReversalError(f"{b.directory.path}: the same run twice; expected two runs; name another one")
    path_a, path_b = a.directory.metrics_path, b.directory.metrics_path
    for file in TEST_FILES:
        hash_a, hash_b = a.dataset.get(file, "none"), b.dataset.get(file, "none")
        if hash_a != hash_b:
            raise ReversalError(
                f"{path_b}: {file} has the hash {hash_b[:8]}, in {path_a} it is {hash_a[:8]}; expected the same test "
                "files; compare runs that were evaluated on one dataset"
            )
    definition_a, definition_b = a.definitions.get(metric), b.definitions.get(metric)
    if definition_a and definition_b and definition_a != definition_b:
        raise ReversalError(
            f"{path_b}: {metric} is defined as {definition_b}, in {path_a} as {definition_a}; expected one definition; "
            "`reversal eval` scores both runs again and keeps their predictions"
        )


def cautions(a: EvaluatedRun, b: EvaluatedRun, metric: str) -> list[str]:
    """Other differences that may explain a difference in scores, a line each."""
    lines = []
    files = sorted(name for name in {*a.dataset, *b.dataset} if a.dataset.get(name) != b.dataset.get(name))
    if files:
        lines.append(f"the datasets differ beside the test files: {', '.join(files)}")
    names = sorted({*a.conditions, *b.conditions} - {*HARMLESS})
    changed = [name for name in names if a.conditions.get(name) != b.conditions.get(name)]
    if changed:
        values = (f"{name} {a.conditions.get(name)} in A, {b.conditions.get(name)} in B" for name in changed)
        lines.append(f"evaluated differently: {'; '.join(values)}")
    for label, run, other in (("A", a, b), ("B", b, a)):
        if metric in other.definitions and metric not in run.definitions:
            lines.append(f"{label} does not say which definition of {metric} it was scored with")
    if a.digest == b.digest:
        lines.append("A and B are one experiment (same digest), made twice or copied")
    return lines


def pair(a: EvaluatedRun, b: EvaluatedRun, subtask: str, metric: str) -> Pairs | None:
    """Both runs' scores of one subtask, in the order of A's file; None if neither run has the metric.

    Raises ReversalError if the prompts, targets or entities are not the same in both, or if a file is incomplete.
    """
    predictions_a, predictions_b = a.predictions(subtask), b.predictions(subtask)
    path_a, path_b = a.predictions_path(subtask), b.predictions_path(subtask)
    for key in [*predictions_a, *predictions_b]:
        if key not in predictions_a or key not in predictions_b:
            has, lacks = (path_a, path_b) if key in predictions_a else (path_b, path_a)
            raise ReversalError(f"{lacks}: lacks {key}, which {has} has; expected the same prompts in both runs")
        question_a, question_b = _question(predictions_a[key]), _question(predictions_b[key])
        differing = [name for name in question_a if question_a[name] != question_b[name]]
        if differing:
            raise ReversalError(
                f"{path_b}: {key} has another {differing[0]} than in {path_a}; expected the same in both; "
                "compare runs that were evaluated on one dataset"
            )
    scores_a, scores_b = a.scores(subtask, predictions_a, metric), b.scores(subtask, predictions_b, metric)
    if scores_a is None and scores_b is None:
        return None
    if scores_a is None:
        raise a.lacks_metric(subtask, metric)
    if scores_b is None:
        raise b.lacks_metric(subtask, metric)
    entity_ids = [prediction.entity_id for prediction in predictions_a.values()]
    template_ids = [prediction.template_id for prediction in predictions_a.values()]
    templates = known_templates(entity_ids, template_ids, [prediction.prompt for prediction in predictions_a.values()])
    return Pairs(entity_ids, templates, list(scores_a.values()), [scores_b[key] for key in scores_a])


def _question(prediction: Prediction) -> dict[str, str]:
    """The fields in which two predictions of one id must agree."""
    return {"entity_id": prediction.entity_id, "prompt": prediction.prompt, "target": prediction.target}
