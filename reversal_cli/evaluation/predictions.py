"""The predictions of one subtask: made batch by batch, kept as soon as they are there, scored again when read.

What a model generates and how likely it finds an answer is the caller's business.
"""

from collections.abc import Callable, Sequence

from reversal_cli.data.base import Example, Subtask
from reversal_cli.data.spread import spread_order
from reversal_cli.data.template_keys import template_keys
from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Complete, Completion, Measure
from reversal_cli.inference.finite import working_on
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.runs.records import ChoiceMade, Prediction, Ranking
from reversal_cli.scoring import score_all
from reversal_cli.scoring.entities import EntityIndex

GENERATION, RANKING = STAGES = ("generation", "ranking")
"""What is done with each subtask, in order."""
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
    """The predictions of the first `limit` rows of `select_rows`, in dataset order; generates those not on disk yet."""
    chosen = select_rows(subtask.examples, limit)
    kept = _kept_predictions(run, subtask, index)
    missing = [row for row in chosen if row not in kept]
    done = len(chosen) - len(missing)
    on_progress(GENERATION, subtask.name, done)
    # An interruption may have cut the last line; without this the next line would be appended to the cut one.
    run.write_predictions(subtask.name, kept.values())
    with working_on(f"{run.path}: {subtask.name}"):
        for batch in complete([subtask.examples[row].prompt for row in missing]) if missing else ():
            fresh = {missing[item.index]: make_prediction(subtask, missing[item.index], item, index) for item in batch}
            run.append_predictions(subtask.name, fresh.values())
            kept |= fresh
            done += len(fresh)
            on_progress(GENERATION, subtask.name, done)
    run.write_predictions(subtask.name, [kept[row] for row in sorted(kept)])
    return [kept[row] for row in chosen]


def add_likelihood(
    run: RunDirectory, measure: Measure, subtask: Subtask, predictions: Sequence[Prediction], on_progress: Progress
) -> list[Prediction]:
    """The predictions with ranking and choice; measures those that lack them.

    A measured prediction is appended to the file again: of two with the same id the later one counts.
    """
    by_row = {_row_of(prediction, subtask): prediction for prediction in predictions}
    missing = [row for row, prediction in by_row.items() if prediction.ranking is None]
    done = len(by_row) - len(missing)
    on_progress(RANKING, subtask.name, done)
    with working_on(f"{run.path}: {subtask.name} likelihood"):
        for batch in measure(subtask.name, missing) if missing else ():
            fresh = {item.row: _with_likelihood(by_row[item.row], item.ranking, item.choice) for item in batch}
            run.append_predictions(subtask.name, fresh.values())
            by_row |= fresh
            done += len(fresh)
            on_progress(RANKING, subtask.name, done)
    if missing:
        kept = {_row_of(prediction, subtask): prediction for prediction in run.read_predictions(subtask.name)}
        run.write_predictions(subtask.name, [kept[row] for row in sorted(kept)])
    return list(by_row.values())


def select_rows(examples: Sequence[Example], limit: int | None) -> list[int]:
    """Indices of the first `limit` rows of `spread_order`, ascending; of all rows without a limit.

    A limit spreads over entities and templates, because ten rows of one entity, or of one template, say little more
    than one. A smaller limit asks a part of what a larger one asks.
    """
    if limit is None or limit >= len(examples):
        return list(range(len(examples)))
    return sorted(spread_order([example.entity_id for example in examples], template_keys(examples))[:limit])


def likelihood_scores(ranking: Ranking, choice: ChoiceMade | None) -> dict[str, float]:
    """The scores that a ranking and a choice stand for.

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


def make_prediction(subtask: Subtask, row: int, completion: Completion, index: EntityIndex) -> Prediction:
    """One answer to the prompt at `row`, with every text metric."""
    example = subtask.examples[row]
    naming = index.naming(completion.text, example, subtask.target)
    return Prediction(
        id=f"{subtask.name}/{row}",
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


def _with_likelihood(prediction: Prediction, ranking: Ranking, choice: ChoiceMade | None) -> Prediction:
    """The prediction with what only the model can measure, and with the scores that follow from it."""
    scores = {**prediction.scores, **likelihood_scores(ranking, choice)}
    choices = {} if choice is None else {"choice": choice}
    return prediction.model_copy(update={"scores": scores, "ranking": ranking, **choices})


def _row_of(prediction: Prediction, subtask: Subtask) -> int:
    return int(prediction.id.removeprefix(f"{subtask.name}/"))


def _kept_predictions(run: RunDirectory, subtask: Subtask, index: EntityIndex) -> dict[int, Prediction]:
    """Row -> prediction on disk, scored again.

    Predictions for other prompts are an error, not replaced: they cost hours, and something moved that should not have.
    """
    kept: dict[int, Prediction] = {}
    rows = {f"{subtask.name}/{row}": row for row in range(len(subtask.examples))}
    for stored in run.read_predictions(subtask.name):
        row = rows.get(stored.id)
        if row is None:
            raise _foreign(run, subtask, f"'{stored.id}', which is no row of this dataset")
        scored = make_prediction(subtask, row, Completion(row, stored.completion, stored.stopped), index)
        if (stored.entity_id, stored.prompt, stored.target) != (scored.entity_id, scored.prompt, scored.target):
            raise _foreign(run, subtask, f"{stored.id} for another prompt or target than the dataset has now")
        kept[row] = _with_likelihood(scored, stored.ranking, stored.choice) if stored.ranking else scored
    return kept


def _foreign(run: RunDirectory, subtask: Subtask, found: str) -> ReversalError:
    return ReversalError(
        f"{run.predictions_path(subtask.name)}: found {found}; expected predictions of the dataset of this run; "
        "restore the dataset, or remove the file to predict again"
    )
