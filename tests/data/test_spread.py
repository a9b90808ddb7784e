"""Any beginning of the order asks entities equally often, and templates equally often."""

import itertools
import random
from collections import Counter

import pytest

from reversal_cli.data.spread import diagonal_place, spread_order

SIZES = [(30, 20), (30, 10), (30, 4), (3, 2), (2, 3), (5, 7), (12, 18), (1, 5), (4, 1)]


def grid(entities: int, templates: int) -> tuple[list[str], list[str]]:
    """Ids of a whole file, entity by entity."""
    cells = list(itertools.product(range(entities), range(templates)))
    return [f"e{entity}" for entity, _ in cells], [f"t{template}" for _, template in cells]


@pytest.mark.parametrize(("entities", "templates"), SIZES)
def test_every_beginning_is_even_to_within_one(entities, templates):
    entity_ids, template_ids = grid(entities, templates)
    order = spread_order(entity_ids, template_ids)
    assert sorted(order) == list(range(entities * templates))
    asked, used = Counter(dict.fromkeys(entity_ids, 0)), Counter(dict.fromkeys(template_ids, 0))
    for row in order:
        asked[entity_ids[row]] += 1
        used[template_ids[row]] += 1
        assert max(asked.values()) - min(asked.values()) <= 1
        assert max(used.values()) - min(used.values()) <= 1


def test_sixty_prompts_of_thirty_entities_and_twenty_templates_ask_each_as_often():
    entity_ids, template_ids = grid(30, 20)
    first = spread_order(entity_ids, template_ids)[:60]
    assert set(Counter(entity_ids[row] for row in first).values()) == {2}
    assert set(Counter(template_ids[row] for row in first).values()) == {3}


@pytest.mark.parametrize(("entities", "templates"), [(6, 4), (4, 6), (5, 3), (9, 3)])
def test_the_place_is_that_of_a_slow_walk(entities, templates):
    entity = template = 0
    met: dict[tuple[int, int], int] = {}
    while len(met) < entities * templates:
        if (entity, template) in met:
            template = (template + 1) % templates
        met[entity, template] = len(met)
        entity, template = (entity + 1) % entities, (template + 1) % templates
    assert met == {cell: diagonal_place(*cell, entities, templates) for cell in met}


def test_missing_rows_are_skipped_and_rows_that_stand_twice_come_last():
    entity_ids, template_ids = grid(6, 4)
    kept = sorted(random.Random(0).sample(range(24), 17))
    entity_ids, template_ids = [entity_ids[row] for row in kept], [template_ids[row] for row in kept]
    order = spread_order([*entity_ids, "e0"], [*template_ids, template_ids[0]])
    assert sorted(order) == list(range(18))
    assert order[-1] == 17
