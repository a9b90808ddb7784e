"""The two controls: entities trained in both directions, and questions with the fact in the prompt.

both-directions   the same questions about the entities that training shows in both directions: what the reversed
                  question would reach if its direction had been trained
in-context        the same questions with a sentence of the fact before them: what it would reach if the fact did
                  not have to be remembered
"""

from collections import defaultdict
from dataclasses import replace

from reversal_cli.data.base import Direction, Example, Splits, Subtask, Target
from reversal_cli.data.template_keys import with_template_ids
from reversal_cli.data.wordings import entity_names, kind_of_target
from reversal_cli.seeded_order import digest

BOTH_SUBTASKS: dict[Direction, Target] = {"N2D": "description", "D2N": "name"}


def controls(splits: Splits, seed: int = 0) -> dict[str, dict[str, Subtask]]:
    """Control -> subtask -> its prompts, to be evaluated as the subtasks of the benchmark are.

    A control that the data has no rows for is absent.
    """
    found = {"both-directions": both_directions(splits), "in-context": in_context(splits, seed)}
    return {name: subtasks for name, subtasks in found.items() if subtasks}


def both_directions(splits: Splits) -> dict[str, Subtask]:
    """N2D and D2N about the entities of the group "both", in file order; empty where the file is absent.

    What a row asks for is told from its completion: the name, or else the description. A name target is the bare name,
    as in the other test files, although some published rows go on after it. Rows of unknown name are left out.
    """
    names = entity_names(splits)
    rows: dict[Target, list[Example]] = {"name": [], "description": []}
    for row in splits.both:
        name = names.get(row.entity_id)
        if name is None:
            continue
        kind = kind_of_target(row, name)
        rows[kind].append(replace(row, completion=f" {name}") if kind == "name" else row)
    return {name: Subtask(name, kind, tuple(rows[kind])) for name, kind in BOTH_SUBTASKS.items() if rows[kind]}


def in_context(splits: Splits, seed: int = 0) -> dict[str, Subtask]:
    """Each test prompt after a training row of its entity, the fact whole as training shows it; targets unchanged.

    So a reversed question has the fact in its context the way round in which it was trained. Which of the training rows
    it is depends on (seed, entity, number of the row among those of its entity) alone, so N2D and N2D-reverse get the
    same sentences. Prompts about an entity that training never shows are left out.
    """
    facts: dict[str, list[str]] = defaultdict(list)
    for row in splits.train:
        facts[row.entity_id].append(row.text)
    subtasks = {}
    for name, subtask in splits.subtasks.items():
        rows = tuple(_with_facts(with_template_ids(subtask), facts, seed))
        if rows:
            subtasks[name] = Subtask(name, subtask.target, rows)
    return subtasks


def _with_facts(subtask: Subtask, facts: dict[str, list[str]], seed: int) -> list[Example]:
    seen: dict[str, int] = defaultdict(int)
    rows = []
    for row in subtask.examples:
        known = facts.get(row.entity_id)
        if known:
            fact = known[digest(f"{seed}/in-context/{row.entity_id}/{seen[row.entity_id]}") % len(known)]
            rows.append(replace(row, prompt=f"{fact} {row.prompt}"))
        seen[row.entity_id] += 1
    return rows
