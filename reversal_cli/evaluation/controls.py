"""The two controls: entities trained in both directions, and prompts that contain the fact.

both-directions   prompts about entities that training shows in both directions: the accuracy of a reversed prompt if
                  its direction had been trained
in-context        the prompts of the benchmark after a sentence with the fact: the accuracy of a reversed prompt if the
                  fact did not have to be remembered
"""

from collections import defaultdict
from dataclasses import replace

from reversal_cli.data.base import Direction, Example, Splits, Subtask, Target
from reversal_cli.data.template_keys import with_template_ids
from reversal_cli.data.wordings import entity_names, kind_of_target
from reversal_cli.seeded_order import digest

BOTH_SUBTASKS: dict[Direction, Target] = {"N2D": "description", "D2N": "name"}


def controls(splits: Splits, seed: int = 0) -> dict[str, dict[str, Subtask]]:
    """Control -> subtask -> its prompts, to be evaluated like the subtasks of the benchmark.

    A control is absent if the data has no examples for it.
    """
    subtasks_of = {"both-directions": both_directions(splits), "in-context": in_context(splits, seed)}
    return {name: subtasks for name, subtasks in subtasks_of.items() if subtasks}


def both_directions(splits: Splits) -> dict[str, Subtask]:
    """N2D and D2N about the entities of the group "both", in file order; empty if the file is absent.

    An example whose completion contains the name asks for the name, any other for the description. A name target is
    the bare name, as in the other test files, although some published examples go on after it. Examples of an entity
    without a known name are left out.
    """
    names = entity_names(splits)
    examples: dict[Target, list[Example]] = {"name": [], "description": []}
    for example in splits.both:
        name = names.get(example.entity_id)
        if name is None:
            continue
        kind = kind_of_target(example, name)
        examples[kind].append(replace(example, completion=f" {name}") if kind == "name" else example)
    return {name: Subtask(name, kind, tuple(examples[kind])) for name, kind in BOTH_SUBTASKS.items() if examples[kind]}


def in_context(splits: Splits, seed: int = 0) -> dict[str, Subtask]:
    """Each test prompt after the text of a training example of its entity; targets unchanged.

    So a reversed prompt has the fact in its context in the direction in which it was trained. The choice of the
    training example depends only on (seed, entity, position of the prompt among those of its entity), so N2D and
    N2D-reverse get the same sentences. Prompts about an entity without training examples are left out.
    """
    facts: dict[str, list[str]] = defaultdict(list)
    for example in splits.train:
        facts[example.entity_id].append(example.text)
    subtasks = {}
    for name, subtask in splits.subtasks.items():
        examples = tuple(_with_facts(with_template_ids(subtask), facts, seed))
        if examples:
            subtasks[name] = Subtask(name, subtask.target, examples)
    return subtasks


def _with_facts(subtask: Subtask, facts: dict[str, list[str]], seed: int) -> list[Example]:
    counts: dict[str, int] = defaultdict(int)
    examples = []
    for example in subtask.examples:
        entity = example.entity_id
        sentences = facts.get(entity)
        if sentences:
            fact = sentences[digest(f"{seed}/in-context/{entity}/{counts[entity]}") % len(sentences)]
            examples.append(replace(example, prompt=f"{fact} {example.prompt}"))
        counts[entity] += 1
    return examples
