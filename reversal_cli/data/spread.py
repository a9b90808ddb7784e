"""An order of examples whose first N cover entities and templates evenly (for `--limit`)."""

import math
from collections import Counter
from collections.abc import Sequence


def spread_order(entity_ids: Sequence[str], template_ids: Sequence[str]) -> list[int]:
    """Indices of the examples in that order. If every entity is asked in every template, then among the first N, for
    any N, the counts of two entities differ by at most one, and so do those of two templates. Gaps are skipped.

    >>> spread_order("aabbcc", "121212")   # a1 b2 c1 a2 b1 c2
    [0, 3, 4, 1, 2, 5]
    """
    entities = {entity: number for number, entity in enumerate(dict.fromkeys(entity_ids))}
    templates = {template: number for number, template in enumerate(dict.fromkeys(template_ids))}
    seen: Counter[tuple[str, str]] = Counter()
    places = []
    for index, cell in enumerate(zip(entity_ids, template_ids, strict=True)):
        place = diagonal_place(entities[cell[0]], templates[cell[1]], len(entities), len(templates))
        places.append((seen[cell], place, index))  # duplicates come last
        seen[cell] += 1
    return [index for _, _, index in sorted(places)]


def diagonal_place(entity: int, template: int, entities: int, templates: int) -> int:
    """The step at which a walk over the table of entities and templates reaches this cell.

    Each step goes to the next entity and the next template, and from the last to the first. Such a diagonal closes
    after lcm(entities, templates) steps; the walk then goes on one template further, until every cell is reached once.
    """
    divisor = math.gcd(entities, templates)
    diagonal = (template - entity) % divisor
    around = templates // divisor
    rounds = (template - diagonal - entity) // divisor * pow(entities // divisor, -1, around) % around
    return diagonal * math.lcm(entities, templates) + entity + entities * rounds
