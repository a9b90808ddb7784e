"""Floors: text metrics of two kinds of artificial completions, computed from the benchmark alone.

    wrong entity    another entity's target in the same template: the form of the answer is right, the fact is not
    other wording   the right target in the words of another template: the fact is right, the exact words are not

The description of another entity shares many characters with the right one, and the right description in other words
is not an exact match. So the score of a model means little without these two for comparison.
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


class ScoredExample(NamedTuple):
    """The scores of an artificial completion of a test example."""

    entity_id: str
    template_id: str
    scores: Scores


def floors(
    splits: Splits, seed: int = 0, intervals: Unit = "entities-and-templates"
) -> dict[str, dict[str, SubtaskScores]]:
    """Floor -> subtask -> its scores; the seed fixes the other entity.

    "wrong entity" lacks a subtask in which every template has only one target.
    """
    score = functools.cache(score_all)  # few targets differ, so most pairs come up many times
    descriptions = trained_descriptions(splits)
    scores: dict[str, dict[str, SubtaskScores]] = {"wrong entity": {}, "other wording": {}}
    for name, subtask in ((name, with_template_ids(subtask)) for name, subtask in splits.subtasks.items()):
        target = {"target": subtask.target}
        wrong = wrong_entity_scores(subtask, seed, score)
        if wrong:
            scores["wrong entity"][name] = summarize(wrong, intervals).model_copy(update=target)
        other = other_wording_scores(subtask, descriptions, score)
        scores["other wording"][name] = summarize(other, intervals).model_copy(update=target)
    return scores


def wrong_entity_scores(subtask: Subtask, seed: int = 0, score: ScoreAll = score_all) -> list[ScoredExample]:
    """Every example scored as if completed with another entity's target, in file order.

    Within a template every target completes exactly one other example, which never has the same target. If one text is
    more than half of the targets of a template, no such exchange exists and its examples are left out.
    """
    positions_of: dict[str, list[int]] = defaultdict(list)
    for position, template in enumerate(template_keys(subtask.examples)):
        positions_of[template].append(position)
    completions: dict[int, str] = {}
    for template, positions in positions_of.items():
        examples = [subtask.examples[position] for position in positions]
        others = exchange(examples, f"{seed}/wrong-entity/{subtask.name}/{template}")
        completions |= {
            position: examples[other].completion for position, other in zip(positions, others, strict=False)
        }
    return [
        _scored_example(subtask.examples[position], score(text, subtask.examples[position].completion))
        for position, text in sorted(completions.items())
    ]


def exchange(examples: Sequence[Example], label: str) -> list[int]:
    """For each example the index of another one with a different text; each index occurs once. `label` fixes the order.

    The examples form a circle, equal texts side by side. Each gets the text of the example k places further on, where k
    is the number of examples with the most frequent text. Empty if that is more than half of them.
    """
    texts = [normalize(example.completion) for example in examples]
    sizes = Counter(texts)
    step = max(sizes.values(), default=0)
    if 2 * step > len(examples):
        return []

    def place(index: int) -> tuple[int, int, int]:
        return (-sizes[texts[index]], digest(f"{label}/{texts[index]}"), digest(f"{label}/{examples[index].entity_id}"))

    circle = sorted(range(len(examples)), key=place)
    other_of = dict(zip(circle, circle[step:] + circle[:step], strict=True))
    return [other_of[index] for index in range(len(examples))]


def other_wording_scores(
    subtask: Subtask, trained: Mapping[str, Sequence[str]], score: ScoreAll = score_all
) -> list[ScoredExample]:
    """Every example scored as if completed with its target in the words of another template, in file order.

    The score is the mean over all other templates of the entity, including those with the same words. A name has one
    wording, so every metric is 1 for a name target.

    A description with a single wording in the test file gets others from `trained` (see `trained_descriptions`).
    """
    templates = template_keys(subtask.examples)
    wordings_of: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for example, template in zip(subtask.examples, templates, strict=True):
        wordings_of[example.entity_id].append((template, example.completion))
    scores = []
    for example, template in zip(subtask.examples, templates, strict=True):
        wordings = wordings_of[example.entity_id]
        others: Sequence[str] = [text for other, text in wordings if other != template]
        if subtask.target == "description" and len({normalize(text) for _, text in wordings}) == 1:
            others = trained.get(example.entity_id, others)
        others = others or [example.completion]
        scores.append(_scored_example(example, _mean([score(text, example.completion) for text in others])))
    return scores


def trained_descriptions(splits: Splits) -> dict[str, list[str]]:
    """Entity id -> the descriptions that complete its training prompts; if there are none, its noun phrase.

    The noun phrase gets the full stop that ends every completion: without it, it could not contain a test target.
    """
    names = entity_names(splits)
    completions: dict[str, list[str]] = defaultdict(list)
    phrases: dict[str, list[str]] = {}
    for example in splits.train:
        entity = example.entity_id
        if entity in names and kind_of_target(example, names[entity]) == "description":
            completions[entity].append(example.completion)
        if example.description:
            phrases[entity] = [f" {example.description.removesuffix('.')}."]
    return phrases | completions


def _mean(scores: Sequence[Scores]) -> dict[str, float]:
    return {metric: sum(score[metric] for score in scores) / len(scores) for metric in scores[0]}


def _scored_example(example: Example, scores: Scores) -> ScoredExample:
    return ScoredExample(example.entity_id, example.template_id, scores)
