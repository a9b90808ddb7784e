"""Which examples of a file share a template: by its id or, without ids (published dataset), by its words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reversal_cli.data.base import Example, Subtask


def template_keys(examples: Iterable[Example]) -> list[str]:
    """The template of each example: its id, else its number by `known_templates`, else its place for its entity.

    The place is right only if every entity has all its examples in one order.
    Example: entities a a b b without ids, whose prompts share no words, give 0 1 0 1.
    """
    examples = list(examples)
    known = known_templates(
        [example.entity_id for example in examples],
        [example.template_id for example in examples],
        [example.prompt for example in examples],
    )
    if known is not None:
        return known
    seen: Counter[str] = Counter()
    keys = []
    for example in examples:
        keys.append(example.template_id or str(seen[example.entity_id]))
        seen[example.entity_id] += 1
    return keys


def known_templates(entity_ids: Sequence[str], template_ids: Sequence[str], prompts: Sequence[str]) -> list[str] | None:
    """The template of each example; None if they cannot be recognised.

    By template id if every example has one. Else the template of an example is the shortest beginning of its prompt, in
    words, under which no entity has two examples: a prompt begins with the words of its template, and no template asks
    the same entity twice. So missing examples and another order do no harm. Templates are numbered in file order. A
    beginning of one entity alone is not a template (a description may come first); then the result is None.

    >>> known_templates("aabb", [""] * 4, ["Meet Ann,", "Call Ann", "Call Bo", "Meet Bo,"])
    ['0', '1', '1', '0']
    """
    if all(template_ids):
        return list(template_ids)
    words = [prompt.split() for prompt in prompts]
    keys: dict[int, str] = {}
    groups = _beginnings(range(len(words)), 0, entity_ids, words)
    for number, indices in enumerate(sorted(groups)):
        if len({entity_ids[index] for index in indices}) < 2:
            return None
        keys |= dict.fromkeys(indices, str(number))
    return [keys[index] for index in range(len(words))]


def with_template_ids(subtask: Subtask) -> Subtask:
    """The subtask with all template ids filled in if they can be recognised; else as it is."""
    if all(example.template_id for example in subtask.examples):
        return subtask
    entity_ids = [example.entity_id for example in subtask.examples]
    prompts = [example.prompt for example in subtask.examples]
    known = known_templates(entity_ids, [""] * len(prompts), prompts)
    if known is None:
        return subtask
    pairs = zip(subtask.examples, known, strict=True)
    return replace(subtask, examples=tuple(replace(example, template_id=template) for example, template in pairs))


def _beginnings(
    indices: Sequence[int], depth: int, entity_ids: Sequence[str], words: Sequence[Sequence[str]]
) -> list[list[int]]:
    """The indices, ascending, grouped by the shortest beginning under which no entity has two examples.

    depth: how many words all of these prompts share.
    """
    at_end = all(len(words[index]) <= depth for index in indices)
    if at_end or len({entity_ids[index] for index in indices}) == len(indices):
        return [list(indices)]
    by_word: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        by_word[words[index][depth] if depth < len(words[index]) else ""].append(index)
    return [group for part in by_word.values() for group in _beginnings(part, depth + 1, entity_ids, words)]
