"""What the text metrics give to completions that no model made: computed from the benchmark alone.

    wrong entity    another entity's target in the same template: knows how such an answer goes, and nothing else
    other wording   the entity's own target in the words of another template: knows the fact, not the exact words

A description of somebody else already shares many characters with the right one, and the right description in other
words is no exact match: a score of a model means little until it is read between these two rows.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from reversal_cli.data.base import Example, Splits, Subtask
from reversal_cli.data.template_keys import template_keys, with_template_ids
from reversal_cli.data.wordings import entity_names, kind_of_target
from reversal_cli.scoring import score_all
from reversal_cli.scoring.matching import normalize
from reversal_cli.scoring.results import SubtaskScores
from reversal_cli.scoring.summary import summarize
from reversal_cli.seeded_order import digest
from reversal_cli.statistics.interval_units import Unit

Scores = Mapping[str, float]
ScoreAll = Callable[[str, str], Scores]


class FloorRow(NamedTuple):
    """A test row with the scores of a completion that no model made."""

    entity_id: str
    template_id: str
    scores: Scores


def floors(
    splits: Splits, seed: int = 0, intervals: Unit = "entities-and-templates"
) -> dict[str, dict[str, SubtaskScores]]:
    """Floor -> subtask -> its scores; the seed decides who is the other entity.

    A subtask without two different targets in any template has no "wrong entity".
    """
    score = functools.cache(score_all)  # few targets differ: most pairs come up again and again
    trained = trained_descriptions(splits)
    measured: dict[str, dict[str, SubtaskScores]] = {"wrong entity": {}, "other wording": {}}
    for name, subtask in ((name, with_template_ids(subtask)) for name, subtask in splits.subtasks.items()):
        target = {"target": subtask.target}
        wrong = wrong_entity_rows(subtask, seed, score)
        if wrong:
            measured["wrong entity"][name] = summarize(wrong, intervals).model_copy(update=target)
        other = other_wording_rows(subtask, trained, score)
        measured["other wording"][name] = summarize(other, intervals).model_copy(update=target)
    return measured


def wrong_entity_rows(subtask: Subtask, seed: int = 0, score: ScoreAll = score_all) -> list[FloorRow]:
    """Every row scored as if completed with another entity's target, in file order.

    Within a template every target is somebody else's completion exactly once, and never the same text. The rows of a
    template in which one text is more than half of the targets are left out, since no such exchange exists.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, template in enumerate(template_keys(subtask.examples)):
        rows_of[template].append(row)
    completions: dict[int, str] = {}
    for template, rows in rows_of.items():
        examples = [subtask.examples[row] for row in rows]
        others = exchange(examples, f"{seed}/wrong-entity/{subtask.name}/{template}")
        completions |= {row: examples[other].completion for row, other in zip(rows, others, strict=False)}
    return [
        _floor_row(subtask.examples[row], score(text, subtask.examples[row].completion))
        for row, text in sorted(completions.items())
    ]


def exchange(examples: Sequence[Example], label: str) -> list[int]:
    """For each example the index of another one, such that all get a different text and each is given once.

    The examples stand in a circle in the order that `label` fixes, those with equal texts side by side and the largest
    such set first; each gets the text of the one as many places on as that set is large. Empty if one text is more than
    half of them.
    """
    texts = [normalize(example.completion) for example in examples]
    sizes = Counter(texts)
    step = max(sizes.values(), default=0)
    if 2 * step > len(examples):
        return []

    def place(index: int) -> tuple[int, int, int]:
        return (-sizes[texts[index]], digest(f"{label}/{texts[index]}"), digest(f"{label}/{examples[index].entity_id}"))

    circle = sorted(range(len(examples)), key=place)
    given = dict(zip(circle, circle[step:] + circle[:step], strict=True))
    return [given[index] for index in range(len(examples))]


def other_wording_rows(
    subtask: Subtask, trained: Mapping[str, Sequence[str]], score: ScoreAll = score_all
) -> list[FloorRow]:
    """Every row scored as if completed with its entity's target in the words of another template, in file order.

    A row's score is the mean over all other templates of its entity, so nothing is drawn. Templates that happen to ask
    for the same words count too: `contains` is then how often a model that knows the description, but words it as some
    other template does, is called right. A name has one wording, so every metric is 1 for a name target.

    A description with a single wording in the test file takes its others from `trained` (see `trained_descriptions`).
    """
    templates = template_keys(subtask.examples)
    rows_of: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for example, template in zip(subtask.examples, templates, strict=True):
        rows_of[example.entity_id].append((template, example.completion))
    floor_rows = []
    for example, template in zip(subtask.examples, templates, strict=True):
        rows = rows_of[example.entity_id]
        others: Sequence[str] = [text for other, text in rows if other != template]
        if subtask.target == "description" and len({normalize(text) for _, text in rows}) == 1:
            others = trained.get(example.entity_id, others)
        others = others or [example.completion]
        floor_rows.append(_floor_row(example, _mean([score(text, example.completion) for text in others])))
    return floor_rows


def trained_descriptions(splits: Splits) -> dict[str, list[str]]:
    """Entity id -> the descriptions that complete its training prompts, one per row; where none does, its noun phrase.

    The noun phrase gets the full stop that completions end with: without it no test target would be contained in it.
    """
    names = entity_names(splits)
    completions: dict[str, list[str]] = defaultdict(list)
    phrases: dict[str, list[str]] = {}
    for row in splits.train:
        if row.entity_id in names and kind_of_target(row, names[row.entity_id]) == "description":
            completions[row.entity_id].append(row.completion)
        if row.description:
            phrases[row.entity_id] = [f" {row.description.removesuffix('.')}."]
    return phrases | completions


def _mean(scores: Sequence[Scores]) -> dict[str, float]:
    return {metric: sum(score[metric] for score in scores) / len(scores) for metric in scores[0]}


def _floor_row(example: Example, scores: Scores) -> FloorRow:
    return FloorRow(example.entity_id, example.template_id, scores)
