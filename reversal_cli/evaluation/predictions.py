"""The predictions of one subtask: made batch by batch, kept as soon as they are there, scored again when read.

What a model generates and how likely it finds an answer is the caller's business.
"""

from collections.abc import Callable, Sequence
from typing import Any

from reversal_cli.data.base import Example, Subtask
from reversal_cli.data.spread import spread_order
from reversal_cli.data.template_keys import template_keys
from reversal_cli.errors import ReversalError
from reversal_cli.inference.answers import Complete, Completion, Measure
from reversal_cli.inference.finite import working_on
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.scoring import score_all
from reversal_cli.scoring.entities import EntityIndex

GENERATION, RANKING = STAGES = ("generation", "ranking")
"""What is done with each subtask, in order."""
Progress = Callable[[str, str, int], None]
"""Called with (stage, subtask, its prompts done so far) at the start and after each batch."""

Record = dict[str, Any]

LIKELIHOOD = ("ranking", "choice")
"""Parts of a record that only the model can make again."""


def predict(
    run: RunDirectory,
    complete: Complete,
    subtask: Subtask,
    index: EntityIndex,
    limit: int | None,
    on_progress: Progress,
) -> list[Record]:
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
    run: RunDirectory, measure: Measure, subtask: Subtask, records: Sequence[Record], on_progress: Progress
) -> list[Record]:
    """The predictions with ranking and choice; measures those that lack them.

    A measured prediction is appended to the file again: of two with the same id the later one counts.
    """
    by_row = {_row_of(record, subtask): record for record in records}
    missing = [row for row, record in by_row.items() if "ranking" not in record]
    done = len(by_row) - len(missing)
    on_progress(RANKING, subtask.name, done)
    with working_on(f"{run.path}: {subtask.name} likelihood"):
        for batch in measure(subtask.name, missing) if missing else ():
            fresh = {item.row: _with_likelihood(by_row[item.row], item._asdict()) for item in batch}
            run.append_predictions(subtask.name, fresh.values())
            by_row |= fresh
            done += len(fresh)
            on_progress(RANKING, subtask.name, done)
    if missing:
        kept = {record["id"]: record for record in run.read_predictions(subtask.name)}
        run.write_predictions(subtask.name, sorted(kept.values(), key=lambda record: _row_of(record, subtask)))
    return list(by_row.values())


def select_rows(examples: Sequence[Example], limit: int | None) -> list[int]:
    """Indices of the first `limit` rows of `spread_order`, ascending; of all rows without a limit.

    A limit spreads over entities and templates, because ten rows of one entity, or of one template, say little more
    than one. A smaller limit asks a part of what a larger one asks.
    """
    if limit is None or limit >= len(examples):
        return list(range(len(examples)))
    return sorted(spread_order([example.entity_id for example in examples], template_keys(examples))[:limit])


def likelihood_scores(ranking: dict[str, Any], choice: dict[str, Any] | None) -> dict[str, float]:
    """The scores that a ranking and a choice stand for.

    >>> likelihood_scores({"rank": 2, "rank_normalized": 1}, None)
    {'rank_top1': 0.0, 'mrr': 0.5, 'rank_top1_normalized': 1.0, 'mrr_normalized': 1.0}
    """
    scores = {}
    for suffix in ("", "_normalized"):
        rank = ranking[f"rank{suffix}"]
        scores |= {f"rank_top1{suffix}": float(rank == 1), f"mrr{suffix}": 1 / rank}
    return scores if choice is None else scores | {"multiple_choice": float(choice["chosen"] == choice["correct"])}


def make_prediction(subtask: Subtask, row: int, completion: Completion, index: EntityIndex) -> Record:
    """The record of one answer to the prompt at `row`, with every text metric."""
    example = subtask.examples[row]
    naming = index.naming(completion.text, example, subtask.target)
    return {
        "id": f"{subtask.name}/{row}",
        "entity_id": example.entity_id,
        "template_id": example.template_id,
        "prompt": example.prompt,
        "target": example.completion.strip(),
        "completion": completion.text,
        "stopped": completion.stopped,
        "named_entity": naming.named_entity,
        "scores": {
            **score_all(completion.text, example.completion),
            "shortcut": naming.shortcut,
            "wrong_entity": naming.wrong_entity,
        },
    }


def _with_likelihood(record: Record, found: Record) -> Record:
    """The record with the ranking and the choice of `found`, if it has them, and with their scores."""
    likelihood = {key: found[key] for key in LIKELIHOOD if found.get(key) is not None}
    if "ranking" not in likelihood:
        return record
    scores = likelihood_scores(likelihood["ranking"], likelihood.get("choice"))
    return {**record, "scores": {**record["scores"], **scores}, **likelihood}


def _row_of(record: Record, subtask: Subtask) -> int:
    return int(record["id"].removeprefix(f"{subtask.name}/"))


def _kept_predictions(run: RunDirectory, subtask: Subtask, index: EntityIndex) -> dict[int, Record]:
    """Row -> prediction on disk, scored again.

    Predictions for other prompts are an error, not replaced: they cost hours, and something moved that should not have.
    """
    kept: dict[int, Record] = {}
    for record in run.read_predictions(subtask.name):
        try:
            row = _row_of(record, subtask)
            completion = Completion(row, record["completion"], record["stopped"])
            expected = _with_likelihood(make_prediction(subtask, row, completion, index), record)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            raise _foreign(run, subtask, "a line that is no prediction of this dataset") from None
        if any(record.get(key) != expected[key] for key in ("id", "entity_id", "prompt", "target")):
            raise _foreign(run, subtask, f"{record['id']} for another prompt or target than the dataset has now")
        kept[row] = expected
    return kept


def _foreign(run: RunDirectory, subtask: Subtask, found: str) -> ReversalError:
    return ReversalError(
        f"{run.predictions_path(subtask.name)}: found {found}; expected predictions of the dataset of this run; "
        "restore the dataset, or remove the file to predict again"
    )
