"""The rank of the right answer among the answers of all evaluated entities.

A description can be worded in several ways, so a completion seldom matches it even if the model knows the fact. A
ranking by log-probability does not depend on the wording: it shows which name, or which description, is the likeliest.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reversal_cli.data.base import Example, Splits, Target
from reversal_cli.seeded_order import ordered


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of all evaluated entities, either names or descriptions."""

    wordings: Mapping[str, Mapping[str, str]]
    """Entity -> template -> answer, as a completion."""
    usual: Mapping[str, str]
    """Entity -> its most frequent answer, the first among equally frequent ones."""

    @classmethod
    def of(cls, splits: Splits, target: Target) -> "Answers":
        """The answers in the two subtasks that ask for `target`, one for each group of entities."""
        wordings: dict[str, dict[str, str]] = defaultdict(dict)
        for subtask in splits.subtasks.values():
            for example in subtask.examples if subtask.target == target else ():
                wordings[example.entity_id][template_of(example)] = example.completion
        usual = {entity: Counter(texts.values()).most_common(1)[0][0] for entity, texts in wordings.items()}
        return cls(dict(wordings), usual)

    def candidates(self, example: Example) -> dict[str, str]:
        """Entity -> its answer in the words of the example's template, else its usual answer.

        Without other entities that have the text of the right answer: a ranking cannot tell them apart.
        """
        template = template_of(example)
        texts = {entity: texts.get(template, self.usual[entity]) for entity, texts in self.wordings.items()}
        others = {entity: text for entity, text in texts.items() if text != example.completion}
        return others | {example.entity_id: example.completion}


def template_of(example: Example) -> str:
    """The template of an example: its id or, if the file has none (the published dataset), the prompt without the name.

    Unlike `template_keys`, it does not count positions: in a file with missing or reordered examples, candidates in the
    words of another template would reveal the right answer. A prompt with the description is a template of its own; its
    target is a name, which has one wording.
    """
    return example.template_id or (example.prompt.replace(example.name, "") if example.name else example.prompt)


def rank(scores: Sequence[float], target: int) -> int:
    """1 + the number of other scores that are not lower than `scores[target]`.

    Ties count against the target, so that a model for which all answers are equally likely is not right by chance. NaN
    counts against it too, in its own score or in another.

    >>> rank([-1.0, -3.0, -3.0], 1)
    3
    >>> rank([-1.0, float("nan"), -3.0], 1)
    3
    """
    return 1 + sum(not score < scores[target] for index, score in enumerate(scores) if index != target)


def other_entities(answers: Answers, entity_ids: Sequence[str], seed: int, subtask: str) -> dict[str, str]:
    """Entity -> another entity of the same subtask, whose answer the right one is compared with: a derangement.

    The entities form a circle whose order depends only on (seed, subtask), and each gets the next one that shares no
    answer with it; an entity that shares an answer with all others is left out. Only entities of the same group are
    comparable: names that training shows at the ends of sentences are likelier there in any answer.
    """
    circle = ordered(sorted(set(entity_ids)), f"{seed}/other/{subtask}")
    texts = {entity: set(answers.wordings[entity].values()) for entity in circle}
    others = {}
    for index, entity in enumerate(circle):
        following = circle[index + 1 :] + circle[:index]
        other = next((other for other in following if texts[entity].isdisjoint(texts[other])), None)
        if other is not None:
            others[entity] = other
    return others
