"""Predictions -> metrics.json: the four subtasks, the controls, and floors computed from the data alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version

from reversal_cli.data.base import SUBTASKS, Splits, Subtask, select_subtasks
from reversal_cli.data.template_keys import with_template_ids
from reversal_cli.errors import ReversalError
from reversal_cli.evaluation.controls import controls
from reversal_cli.evaluation.estimate import Pending, pending
from reversal_cli.evaluation.predictions import STAGES, Progress, add_likelihood, predict
from reversal_cli.inference.answers import Complete, Measure
from reversal_cli.inference.finite import NotFiniteError
from reversal_cli.processes.together import from_first
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.inverse_scores import with_inversion
from reversal_cli.runs.records import Metrics, Prediction, Ranking, Retention
from reversal_cli.scoring import definitions
from reversal_cli.scoring.entities import EntityIndex
from reversal_cli.scoring.floors import floors
from reversal_cli.scoring.log_probability_gap import Pair, log_probability_gap
from reversal_cli.scoring.results import SubtaskScores
from reversal_cli.scoring.summary import summarize
from reversal_cli.spec.experiment import EvaluationSpec
from reversal_cli.statistics.interval_units import Unit

PACKAGES = ("sacrebleu", "torch", "transformers")
"""Packages whose version may change a score."""


def evaluate(
    run: RunDirectory,
    complete: Complete,
    splits: Splits,
    settings: EvaluationSpec,
    subtasks: Sequence[str] | None = None,
    limit: int | None = None,
    on_progress: Progress = lambda stage, subtask, done: None,
    measure: Measure | None = None,
    announce: Callable[[Pending], None] | None = None,
    retain: Callable[[], Retention] | None = None,
) -> Metrics:
    """The metrics of a run: every metric of every subtask, with intervals.

    Predictions on disk are kept and scored again, so an interrupted evaluation continues, and a new metric needs no new
    generation. Only an evaluation of all subtasks without a `limit` has controls and floors and writes metrics.json;
    any other returns metrics with `complete` false.

    measure: computes likelihoods; used if `settings.likelihood` is true. announce: is told before a whole evaluation
    what it will ask the model. retain: measures the retention of a whole evaluation; called if `settings.retention` is
    not False.
    Raises ReversalError for an unknown subtask, a limit below 1, or predictions of other prompts.
    """
    names = select_subtasks(subtasks)
    if limit is not None and limit < 1:
        raise ReversalError(f"--limit: found {limit}; expected at least 1 prompt per subtask; leave it out for all")
    if announce and limit is None and len(names) == len(SUBTASKS):
        announce(pending(run, splits, control_subtasks(splits, settings), settings.likelihood))
    index = EntityIndex.of(splits)
    scores = {}
    for name in names:
        subtask = with_template_ids(splits.subtasks[name])
        predictions = predict(run, complete, subtask, index, limit, on_progress)
        if settings.likelihood and measure is not None:
            predictions = add_likelihood(run, measure, subtask, predictions, on_progress)
        scores[name] = _subtask_scores(subtask, predictions, settings.intervals)
    metrics = _with_conditions(run, splits, settings, scores, limit is None and len(names) == len(SUBTASKS))
    if not metrics.complete:
        return metrics
    others: dict[str, object] = {
        "controls": _measure_controls(run, complete, splits, settings, index, on_progress),
        "floors": floors(splits, settings.seed, settings.intervals),
    }
    if settings.retention is not False and retain is not None:
        others["retention"] = retain()
    metrics = metrics.model_copy(update=others)
    from_first(lambda: run.write_metrics(metrics))
    return metrics


def control_subtasks(splits: Splits, settings: EvaluationSpec) -> dict[str, dict[str, Subtask]]:
    """Control -> subtask -> its prompts; the name includes the control, so that its predictions have their own file."""
    if not settings.controls:
        return {}
    return {
        control: {
            name: with_template_ids(replace(subtask, name=f"{control}/{name}")) for name, subtask in subtasks.items()
        }
        for control, subtasks in controls(splits, settings.seed).items()
    }


def count_prompts(
    splits: Splits, settings: EvaluationSpec, subtasks: Sequence[str] | None, limit: int | None
) -> dict[str, int]:
    """Stage -> number of its prompts: the totals of the progress bars."""
    sizes = [len(splits.subtasks[name].examples) for name in select_subtasks(subtasks)]
    prompts = sum(size if limit is None else min(size, limit) for size in sizes)
    all_controls = {} if subtasks or limit is not None else control_subtasks(splits, settings)
    control_prompts = sum(len(subtask.examples) for control in all_controls.values() for subtask in control.values())
    return dict(zip(STAGES, (prompts + control_prompts, prompts * settings.likelihood), strict=True))


def _with_conditions(
    run: RunDirectory, splits: Splits, settings: EvaluationSpec, subtasks: dict[str, SubtaskScores], complete: bool
) -> Metrics:
    """The metrics with everything that the scores depend on: data, settings, definitions, versions."""
    return Metrics(
        complete=complete,
        subtasks=subtasks,
        dataset=splits.sha256,
        definitions=definitions(),
        digest=run.manifest.digest,
        evaluation=settings.model_dump(mode="json"),
        versions={package: version(package) for package in PACKAGES},
    )


def _subtask_scores(subtask: Subtask, predictions: Sequence[Prediction], intervals: Unit) -> SubtaskScores:
    """Every metric of a subtask; with candidates and log-probability gap if all predictions have a ranking."""
    scores = summarize(with_inversion(predictions), intervals).model_copy(update={"target": subtask.target})
    rankings = [prediction.ranking for prediction in predictions if prediction.ranking is not None]
    if len(rankings) < len(predictions):
        return scores
    scores = scores.model_copy(update={"candidates": max(ranking.candidates for ranking in rankings)})
    pairs = _pairs(predictions, rankings, intervals)
    return scores.model_copy(update={"log_probability_gap": log_probability_gap(pairs)}) if pairs else scores


def _measure_controls(
    run: RunDirectory,
    complete: Complete,
    splits: Splits,
    settings: EvaluationSpec,
    index: EntityIndex,
    on_progress: Progress,
) -> dict[str, dict[str, SubtaskScores]]:
    """Control -> subtask -> its metrics."""
    return {
        control: {
            name: _subtask_scores(
                subtask, _predict_control(run, complete, subtask, index, on_progress), settings.intervals
            )
            for name, subtask in subtasks.items()
        }
        for control, subtasks in control_subtasks(splits, settings).items()
    }


def _predict_control(
    run: RunDirectory, complete: Complete, subtask: Subtask, index: EntityIndex, on_progress: Progress
) -> list[Prediction]:
    try:
        return predict(run, complete, subtask, index, None, on_progress)
    except NotFiniteError:
        raise
    except ReversalError as error:  # prompts of controls are longer, so they may be too long for the model
        raise ReversalError(f"{subtask.name}: {error} (`reversal eval --no-controls` leaves it out)") from None


def _pairs(predictions: Sequence[Prediction], rankings: Sequence[Ranking], intervals: Unit) -> list[Pair]:
    """Log-probabilities of each target and of another entity's; without examples that have no other entity."""
    both = intervals == "entities-and-templates"
    return [
        Pair(
            prediction.entity_id,
            ranking.log_probability,
            ranking.other_log_probability,
            prediction.template_id if both else "",
        )
        for prediction, ranking in zip(predictions, rankings, strict=True)
        if ranking.other_log_probability is not None
    ]
