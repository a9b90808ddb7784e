"""Prompts -> predictions -> scores -> metrics.json. How completions are generated is the caller's business."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from reversal_cli.data.base import SUBTASKS, Example, Splits, Subtask
from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.run_directory import RunDirectory, write_json
from reversal_cli.scoring import score_all
from reversal_cli.scoring.summary import summarize
from reversal_cli.spec import EvaluationSpec

PACKAGES = ("sacrebleu", "torch", "transformers")
"""Whose versions may change a score."""


class Completion(NamedTuple):
    """What a model generated for one prompt."""

    index: int
    """Of the prompt in the list that was given."""
    text: str
    """New tokens only, without special tokens."""
    stopped: bool
    """The model ended it; False: cut at `max_new_tokens`."""


Complete = Callable[[Sequence[str]], Iterable[Sequence[Completion]]]
"""Prompts in, batches of completions out, in any order, each as soon as it is there."""

Progress = Callable[[str, int, int], None]
"""Called with (subtask, prompts done, prompts in all) at the start of a subtask and after each batch."""

Record = dict[str, Any]


def evaluate(
    run: RunDirectory,
    complete: Complete,
    splits: Splits,
    settings: EvaluationSpec,
    subtasks: Sequence[str] | None = None,
    limit: int | None = None,
    on_progress: Progress = lambda subtask, done, total: None,
) -> dict[str, Any]:
    """The metrics of a run: every metric of every subtask, with intervals.

    Predictions that are there already are kept and scored again, so an interrupted evaluation continues, and a metric
    that was added later needs no new generation. Only an evaluation of all subtasks without a `limit` writes
    metrics.json; any other returns metrics with `complete` false.

    Raises ReversalError for an unknown subtask, a limit below 1, or predictions that belong to other prompts.
    """
    names = _chosen_subtasks(subtasks)
    if limit is not None and limit < 1:
        raise ReversalError(f"--limit: found {limit}; expected at least 1 prompt per subtask; leave it out for all")
    measured = {}
    for name in names:
        records = predict(run, complete, splits.subtasks[name], limit, on_progress)
        measured[name] = {"target": splits.subtasks[name].target, **summarize(records)}
    metrics = {
        "complete": limit is None and len(names) == len(SUBTASKS),
        "dataset": splits.sha256,
        "digest": run.manifest["digest"],
        "evaluation": settings.model_dump(mode="json"),
        "subtasks": measured,
        "versions": {package: version(package) for package in PACKAGES},
    }
    if metrics["complete"]:
        write_json(run.metrics_path, metrics)
    return metrics


def predict(
    run: RunDirectory, complete: Complete, subtask: Subtask, limit: int | None, on_progress: Progress
) -> list[Record]:
    """The predictions of the first `limit` rows of `select_rows`, in dataset order; generates those not on disk yet."""
    chosen = select_rows(subtask.examples, limit)
    kept = _kept_predictions(run, subtask)
    missing = [row for row in chosen if row not in kept]
    done = len(chosen) - len(missing)
    on_progress(subtask.name, done, len(chosen))
    # An interruption may have cut the last line; without this the next line would be appended to the cut one.
    run.write_predictions(subtask.name, kept.values())
    for batch in complete([subtask.examples[row].prompt for row in missing]) if missing else ():
        fresh = {missing[item.index]: _prediction(subtask, missing[item.index], item) for item in batch}
        run.append_predictions(subtask.name, fresh.values())
        kept |= fresh
        done += len(fresh)
        on_progress(subtask.name, done, len(chosen))
    run.write_predictions(subtask.name, [kept[row] for row in sorted(kept)])
    return [kept[row] for row in chosen]


def select_rows(examples: Sequence[Example], limit: int | None) -> list[int]:
    """Indices of the rows to evaluate, ascending: the first row of every entity, then the second of every entity ...

    A limit spreads over entities, because ten rows of one entity say little more than one.
    Example: entities a a b b c c with limit 4 gives rows 0, 1, 2, 4.
    """
    seen: Counter[str] = Counter()
    ranked = []
    for row, example in enumerate(examples):
        ranked.append((seen[example.entity_id], row))
        seen[example.entity_id] += 1
    return sorted(row for _, row in sorted(ranked)[:limit])


def _chosen_subtasks(subtasks: Sequence[str] | None) -> list[str]:
    for name in subtasks or ():
        if name not in SUBTASKS:
            raise unknown_name("--subtask", "subtask", name, SUBTASKS)
    return [name for name in SUBTASKS if not subtasks or name in subtasks]


def _prediction(subtask: Subtask, row: int, completion: Completion) -> Record:
    example = subtask.examples[row]
    target = example.completion.strip()
    return {
        "id": f"{subtask.name}/{row}",
        "entity_id": example.entity_id,
        "template_id": example.template_id,
        "prompt": example.prompt,
        "target": target,
        "completion": completion.text,
        "stopped": completion.stopped,
        "scores": score_all(completion.text, target),
    }


def _kept_predictions(run: RunDirectory, subtask: Subtask) -> dict[int, Record]:
    """Row -> prediction on disk, scored again.

    Predictions for other prompts are an error, not replaced: they cost hours, and something moved that should not have.
    """
    kept: dict[int, Record] = {}
    for record in run.read_predictions(subtask.name):
        try:
            row = int(record["id"].removeprefix(f"{subtask.name}/"))
            expected = _prediction(subtask, row, Completion(row, record["completion"], record["stopped"]))
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
