"""The predictions of one subtask: generated in batches, written after each batch, scored again when read.

The caller passes the functions that run the model.
"""

from collections.abc import Callable, Sequence

from reversal_cli.data.base import Example, Subtask
from reversal_cli.data.spread import spread_order
from reversal_cli.data.template_keys import template_keys
from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Complete, Completion, Measure
from reversal_cli.inference.finite import working_on
from reversal_cli.processes.place import is_first
from reversal_cli.processes.together import from_first
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import ChoiceMade, Prediction, Ranking
from reversal_cli.scoring import score_all
from reversal_cli.scoring.entities import EntityIndex

GENERATION, RANKING = STAGES = ("generation", "ranking")
"""The two stages of each subtask, in order."""
Progress = Callable[[str, str, int], None]
"""Called with (stage, subtask, its prompts done so far) at the start and after each batch."""


def predict(
    run: RunDirectory,
    complete: Complete,
    subtask: Subtask,
    index: EntityIndex,
    limit: int | None,
    on_progress: Progress,
) -> list[Prediction]:
    """The predictions of the examples that `select_examples` returns; generates those not on disk yet."""
    indices = select_examples(subtask.examples, limit)
    predictions = from_first(lambda: _stored_predictions(run, subtask, index))
    missing = [position for position in indices if position not in predictions]
    done = len(indices) - len(missing)
    on_progress(GENERATION, subtask.name, done)
    if is_first():  # an interruption may have cut the last line; the next one must not be appended to it
        run.write_predictions(subtask.name, predictions.values())
    with working_on(f"{run.path}: {subtask.name}"):
        for batch in complete([subtask.examples[position].prompt for position in missing]) if missing else ():
            fresh = {missing[item.index]: make_prediction(subtask, missing[item.index], item, index) for item in batch}
            if is_first():
                run.append_predictions(subtask.name, fresh.values())
            predictions |= fresh
            done += len(fresh)
            on_progress(GENERATION, subtask.name, done)
    if is_first():
        run.write_predictions(subtask.name, [predictions[position] for position in sorted(predictions)])
    return [predictions[position] for position in indices]


def add_likelihood(
    run: RunDirectory, measure: Measure, subtask: Subtask, predictions: Sequence[Prediction], on_progress: Progress
) -> list[Prediction]:
    """The predictions with ranking and choice; measures those that lack them.

    A measured prediction is appended to the file: of two lines with the same id the later one counts.
    """
    by_position = {_position(prediction, subtask): prediction for prediction in predictions}
    missing = [position for position, prediction in by_position.items() if prediction.ranking is None]
    done = len(by_position) - len(missing)
    on_progress(RANKING, subtask.name, done)
    with working_on(f"{run.path}: {subtask.name} likelihood"):
        for batch in measure(subtask.name, missing) if missing else ():
            fresh = {item.row: with_likelihood(by_position[item.row], item.ranking, item.choice) for item in batch}
            if is_first():
                run.append_predictions(subtask.name, fresh.values())
            by_position |= fresh
            done += len(fresh)
            on_progress(RANKING, subtask.name, done)
    if missing and is_first():
        stored = {_position(prediction, subtask): prediction for prediction in run.read_predictions(subtask.name)}
        run.write_predictions(subtask.name, [stored[position] for position in sorted(stored)])
    return list(by_position.values())


def select_examples(examples: Sequence[Example], limit: int | None) -> list[int]:
    """Indices of the first `limit` examples of `spread_order`, ascending; of all examples without a limit.

    The examples spread over entities and templates, because ten examples of one entity, or of one template, add little
    to a single one. A smaller limit selects a subset of a larger one.
    """
    if limit is None or limit >= len(examples):
        return list(range(len(examples)))
    return sorted(spread_order([example.entity_id for example in examples], template_keys(examples))[:limit])


def likelihood_scores(ranking: Ranking, choice: ChoiceMade | None) -> dict[str, float]:
    """The scores that follow from a ranking and a choice.

    >>> likelihood_scores(Ranking(rank=2, rank_normalized=1, candidates=3, log_probability=-4.0, tokens=2), None)
    {'rank_top1': 0.0, 'mrr': 0.5, 'rank_top1_normalized': 1.0, 'mrr_normalized': 1.0}
    """
    scores = {
        "rank_top1": float(ranking.rank == 1),
        "mrr": 1 / ranking.rank,
        "rank_top1_normalized": float(ranking.rank_normalized == 1),
        "mrr_normalized": 1 / ranking.rank_normalized,
    }
    return scores if choice is None else scores | {"multiple_choice": float(choice.chosen == choice.correct)}


def make_prediction(subtask: Subtask, position: int, completion: Completion, index: EntityIndex) -> Prediction:
    """The prediction for the example at `position`, with every text metric."""
    example = subtask.examples[position]
    naming = index.naming(completion.text, example, subtask.target)
    return Prediction(
        id=f"{subtask.name}/{position}",
        entity_id=example.entity_id,
        template_id=example.template_id,
        prompt=example.prompt,
        target=example.completion.strip(),
        completion=completion.text,
        stopped=completion.stopped,
        named_entity=naming.named_entity,
        scores={
            **score_all(completion.text, example.completion),
            "shortcut": naming.shortcut,
            "wrong_entity": naming.wrong_entity,
        },
    )


def with_likelihood(prediction: Prediction, ranking: Ranking, choice: ChoiceMade | None) -> Prediction:
    """The prediction with its ranking and choice, and the scores that follow from them."""
    scores = {**prediction.scores, **likelihood_scores(ranking, choice)}
    choices = {} if choice is None else {"choice": choice}
    return prediction.model_copy(update={"scores": scores, "ranking": ranking, **choices})


def _position(prediction: Prediction, subtask: Subtask) -> int:
    return int(prediction.id.removeprefix(f"{subtask.name}/"))


def _stored_predictions(run: RunDirectory, subtask: Subtask, index: EntityIndex) -> dict[int, Prediction]:
    """Position -> prediction on disk, scored again.

    Predictions of other prompts are an error and are not replaced: they cost hours, and the dataset should not have
    changed.
    """
    predictions: dict[int, Prediction] = {}
    position_of = {f"{subtask.name}/{position}": position for position in range(len(subtask.examples))}
    for stored in run.read_predictions(subtask.name):
        position = position_of.get(stored.id)
        if position is None:
            raise _foreign_predictions(run, subtask, f"'{stored.id}', which is not an example of this dataset")
        scored = make_prediction(subtask, position, Completion(position, stored.completion, stored.stopped), index)
        if (stored.entity_id, stored.prompt, stored.target) != (scored.entity_id, scored.prompt, scored.target):
            raise _foreign_predictions(run, subtask, f"{stored.id} with another prompt or target than the dataset has")
        predictions[position] = with_likelihood(scored, stored.ranking, stored.choice) if stored.ranking else scored
    return predictions


def _foreign_predictions(run: RunDirectory, subtask: Subtask, problem: str) -> ReversalError:
    return ReversalError(
        f"{run.predictions_path(subtask.name)}: found {problem}; expected predictions of the dataset of this run; "
        "restore the dataset, or remove the file to predict again"
    )
