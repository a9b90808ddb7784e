"""Does the model know whose answer it is? The rank of the right answer among those of all evaluated people.

A description can be worded in several ways, so a completion seldom matches it even where the fact is known. A ranking
by log-probability asks for the person instead: which of all names, or of all descriptions, is the likeliest?
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reversal_cli.data.base import Example, Splits, Target
from reversal_cli.seeded_order import ordered


@dataclass(frozen=True, slots=True)
class Answers:
    """Every evaluated person's answers of one kind: names, or descriptions."""

    wordings: Mapping[str, Mapping[str, str]]
    """Entity -> template -> answer, as a completion."""
    usual: Mapping[str, str]
    """Entity -> its most frequent answer, the first one among equals."""

    @classmethod
    def of(cls, splits: Splits, target: Target) -> "Answers":
        """The answers in the two subtasks that ask for `target`, one for each group of people."""
        wordings: dict[str, dict[str, str]] = defaultdict(dict)
        for subtask in splits.subtasks.values():
            for example in subtask.examples if subtask.target == target else ():
                wordings[example.entity_id][template_of(example)] = example.completion
        usual = {entity: Counter(texts.values()).most_common(1)[0][0] for entity, texts in wordings.items()}
        return cls(dict(wordings), usual)

    def candidates(self, example: Example) -> dict[str, str]:
        """Entity -> its answer in the words of this row's template, else its usual one.

        Somebody else with the very text of the right answer is left out: there is no telling the two apart.
        """
        template = template_of(example)
        texts = {entity: texts.get(template, self.usual[entity]) for entity, texts in self.wordings.items()}
        others = {entity: text for entity, text in texts.items() if text != example.completion}
        return others | {example.entity_id: example.completion}


def template_of(example: Example) -> str:
    """What rows of one wording share: the template's id or, where the file does not say (the published dataset), the
    prompt without the name in it.

    Not the place among the entity's rows (`template_keys`): where a file misses rows, or has them in another order,
    answers in the words of another template would give away which one is right. A prompt that shows the description
    is a template of its own; it asks for a name, which has one wording.
    """
    return example.template_id or (example.prompt.replace(example.name, "") if example.name else example.prompt)


def rank(scores: Sequence[float], target: int) -> int:
    """1 + how many of the others do not score lower than `scores[target]`.

    Ties count against the target, so that a model that finds everything equally likely is wrong, not lucky. So does
    NaN: no comparison with it holds, the target's or another's.

    >>> rank([-1.0, -3.0, -3.0], 1)
    3
    >>> rank([-1.0, float("nan"), -3.0], 1)
    3
    """
    return 1 + sum(not score < scores[target] for index, score in enumerate(scores) if index != target)


def other_entities(answers: Answers, entity_ids: Sequence[str], seed: int, subtask: str) -> dict[str, str]:
    """Entity -> another one of the same subtask, whose answer is what an ignorant model might as well give.

    The people stand in a circle whose order depends on nothing but (seed, subtask), and each gets the next one: a
    derangement, nobody gets the own. Only people of the same group are comparable: names that training showed at the
    ends of sentences are likelier there, whoever is asked for. Where the next one shares an answer, the one after it is
    taken; an entity from whom all others cannot be told apart is left out.
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
