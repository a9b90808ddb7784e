"""Orders rows so that the first N of them cover entities and templates evenly (for `--limit`)."""

import math
from collections import Counter
from collections.abc import Sequence


def spread_order(entity_ids: Sequence[str], template_ids: Sequence[str]) -> list[int]:
    """The rows, spread: where every entity is asked in every template, any two entities are asked equally often or once
    more, and any two templates too, however many of the rows are taken. Where rows are missing, they are skipped.

    >>> spread_order("aabbcc", "121212")   # a1 b2 c1 a2 b1 c2
    [0, 3, 4, 1, 2, 5]
    """
    entities = {entity: number for number, entity in enumerate(dict.fromkeys(entity_ids))}
    templates = {template: number for number, template in enumerate(dict.fromkeys(template_ids))}
    seen: Counter[tuple[str, str]] = Counter()
    places = []
    for row, cell in enumerate(zip(entity_ids, template_ids, strict=True)):
        place = diagonal_place(entities[cell[0]], templates[cell[1]], len(entities), len(templates))
        places.append((seen[cell], place, row))  # what stands twice comes last
        seen[cell] += 1
    return [row for _, _, row in sorted(places)]


def diagonal_place(entity: int, template: int, entities: int, templates: int) -> int:
    """The step of a walk over the table of entities and templates in which it meets this cell.

    Each step goes to the next entity and the next template, and from the last to the first. Such a diagonal closes
    after lcm(entities, templates) steps; then the walk goes on one template further, until every cell was met once.
    """
    divisor = math.gcd(entities, templates)
    diagonal = (template - entity) % divisor
    around = templates // divisor
    rounds = (template - diagonal - entity) // divisor * pow(entities // divisor, -1, around) % around
    return diagonal * math.lcm(entities, templates) + entity + entities * rounds
