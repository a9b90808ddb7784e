"""Both directions: rows that show some of the one-direction entities in the other direction too.

What this gives is the ceiling of every mitigation. The rows come from the templates that training has for the other
direction, never from those of a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pydantic import Field

from reversal_cli.data.base import Direction, Example, Group
from reversal_cli.data.name_description.entities import Entity, known_entity
from reversal_cli.data.name_description.templates import TEMPLATES, Template, fill
from reversal_cli.errors import ReversalError
from reversal_cli.seeded_order import ordered
from reversal_cli.transforms.base import TransformOptions

TEMPLATE_OF = {template.id: template for templates in TEMPLATES.values() for template in templates}
OTHER_DIRECTION: dict[Group, Direction] = {"name-first": "D2N", "description-first": "N2D"}
"""Group -> the direction in which training does not show it."""


class Both(TransformOptions):
    """Both directions for some entities."""

    summary: ClassVar[str] = "shows a share of the one-direction entities in both directions (the ceiling)"
    variant_option: ClassVar[str | None] = "share"

    name: Literal["both"] = "both"
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the entities of each one-direction group that get rows in the other direction; at least one does."""
    mode: Literal["add", "replace"] = "add"
    """add: a row for each training template of the other direction. replace: such rows in the place of half of the
    entity's own, rounded down, which leaves the number of rows as it is."""

    def check(self, examples: Sequence[Example]) -> None:
        """Raises ReversalError for rows that the generator would not write, and with mode 'replace' if no entity of one
        direction has two rows."""
        dataset = _read(examples)
        rows = [len(dataset.places[e.entity_id]) for e in examples if e.group in OTHER_DIRECTION]
        if self.mode == "replace" and rows and max(rows) < 2:
            raise ReversalError(
                "transform.mode: 'replace' puts rows in the place of half of an entity's, and each entity of one "
                "direction has 1; expected 2 or more; choose 'add'"
            )

    def examples(self, examples: Sequence[Example], seed: int) -> Sequence[Example]:
        """The examples with those of the other direction in the place of some, or behind all.

        Raises ReversalError for rows that the generator would not write: only it knows every form of a description.
        """
        dataset = _read(examples)
        replaced: dict[int, Example] = {}
        added: list[Example] = []
        for group, direction in OTHER_DIRECTION.items():
            for entity_id in self._chosen(examples, group, seed):
                places = dataset.places[entity_id]
                label = f"{seed}/both/{entity_id}"
                rows = [dataset.row(examples[places[0]], t) for t in ordered(dataset.templates[direction], label, _id)]
                if self.mode == "add":
                    added += rows
                else:
                    replaced |= zip(ordered(places, label)[: len(places) // 2], rows, strict=False)
        return [*(replaced.get(index, example) for index, example in enumerate(examples)), *added]

    def _chosen(self, examples: Sequence[Example], group: Group, seed: int) -> list[str]:
        """The entities of a group that get rows in the other direction; a larger share has those of a smaller one."""
        entities = list(dict.fromkeys(example.entity_id for example in examples if example.group == group))
        return ordered(entities, f"{seed}/both")[: max(1, round(self.share * len(entities)))]


@dataclass(frozen=True, slots=True)
class _Dataset:
    """What the training rows of a generated dataset are made of."""

    entities: dict[str, Entity]
    """Entity id -> entity."""
    places: dict[str, list[int]]
    """Entity id -> its rows."""
    templates: dict[Direction, list[Template]]

    def row(self, example: Example, template: Template) -> Example:
        """The row of another template about the entity of an example."""
        prompt, completion = _filled(self.entities[example.entity_id], template)
        return replace(example, prompt=prompt, completion=completion, template_id=template.id)


def _read(examples: Sequence[Example]) -> _Dataset:
    """Raises ReversalError for a row that the generator would not write."""
    entities: dict[str, Entity] = {}
    places: dict[str, list[int]] = {}
    templates: dict[str, Template] = {}
    for number, example in enumerate(examples, start=1):
        template, entity = TEMPLATE_OF.get(example.template_id), known_entity(example.name, example.description)
        if not template or not entity or _filled(entity, template) != (example.prompt, example.completion):
            raise ReversalError(
                f"transform.name: 'both' cannot tell the template of training row {number}; expected a dataset of "
                "`reversal generate`, which has a template_id and a description in each row; choose another transform"
            )
        entities[example.entity_id] = entity
        places.setdefault(example.entity_id, []).append(number - 1)
        templates[template.id] = template
    by_direction: dict[Direction, list[Template]] = {"N2D": [], "D2N": []}
    for template in templates.values():
        by_direction[template.direction].append(template)
    return _Dataset(entities, places, by_direction)


def _filled(entity: Entity, template: Template) -> tuple[str, str]:
    """Prompt and completion of a training row."""
    prompt, completion = fill(template, entity.name, entity.description(template.form))
    return prompt, completion + template.ending


def _id(template: Template) -> str:
    return template.id
