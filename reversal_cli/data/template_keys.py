"""Which rows of a file share a template: by its id or, where the file has none (published dataset), by its words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reversal_cli.data.base import Example, Subtask


def template_keys(examples: Iterable[Example]) -> list[str]:
    """The template of each row: its id, else its number by `known_templates`, else its place among its entity's rows.

    The place is right only where every entity's rows are complete and in one order.
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
    """The template of each row; None where it cannot be told which rows share one.

    By template id where every row has one. Else the template of a row is the shortest beginning of its prompt, in
    words, under which no entity has two rows: a prompt begins with the words of its template, and no template asks the
    same entity twice. So missing rows and another order do no harm. Templates are numbered in file order. If
    some beginning belongs to one entity alone, it is no template (a description may come first), and none are known.

    >>> known_templates("aabb", [""] * 4, ["Meet Ann,", "Call Ann", "Call Bo", "Meet Bo,"])
    ['0', '1', '1', '0']
    """
    if all(template_ids):
        return list(template_ids)
    words = [prompt.split() for prompt in prompts]
    keys: dict[int, str] = {}
    groups = _beginnings(range(len(words)), 0, entity_ids, words)
    for number, rows in enumerate(sorted(groups)):
        if len({entity_ids[row] for row in rows}) < 2:
            return None
        keys |= dict.fromkeys(rows, str(number))
    return [keys[row] for row in range(len(words))]


def with_template_ids(subtask: Subtask) -> Subtask:
    """The subtask with the templates that its rows do not name, where these are known; else as it is."""
    if all(example.template_id for example in subtask.examples):
        return subtask
    entity_ids = [example.entity_id for example in subtask.examples]
    prompts = [example.prompt for example in subtask.examples]
    known = known_templates(entity_ids, [""] * len(prompts), prompts)
    if known is None:
        return subtask
    rows = zip(subtask.examples, known, strict=True)
    return replace(subtask, examples=tuple(replace(example, template_id=template) for example, template in rows))


def _beginnings(
    rows: Sequence[int], depth: int, entity_ids: Sequence[str], words: Sequence[Sequence[str]]
) -> list[list[int]]:
    """The rows, ascending, grouped by the shortest beginning under which no entity has two of them.

    depth: how many words all of these rows share.
    """
    ended = all(len(words[row]) <= depth for row in rows)
    if ended or len({entity_ids[row] for row in rows}) == len(rows):
        return [list(rows)]
    by_word: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_word[words[row][depth] if depth < len(words[row]) else ""].append(row)
    return [group for part in by_word.values() for group in _beginnings(part, depth + 1, entity_ids, words)]
