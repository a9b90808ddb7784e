"""The lines of a dataset's files: one for each entity and template."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from reversal_cli.data.base import Group
from reversal_cli.data.name_description.entities import Entity
from reversal_cli.data.name_description.templates import Template, fill
from reversal_cli.seeded_order import ordered

Ending = Literal["whole", "bare", "first word"]
"""How a completion ends: with its template's ending; right after the item, as published for tested names; or after the
first word of the item, as in `validation_prompts`."""


class Member(NamedTuple):
    """An entity with its id and group in a dataset."""

    id: str
    group: Group
    entity: Entity


@dataclass(frozen=True, slots=True)
class Rows:
    """The lines of JSON about some members in some templates, member by member. They are made anew whenever they are
    read: those of a large benchmark do not fit in memory."""

    members: Sequence[Member]
    templates: Sequence[Template]
    ending: Ending = "whole"
    randomized: int | None = None
    """Unset: the right answers. Else the seed that gives each prompt the answer of another entity."""

    def __len__(self) -> int:
        return len(self.members) * len(self.templates)

    def __iter__(self) -> Iterator[str]:
        others = None if self.randomized is None else [self._others(template) for template in self.templates]
        for index, member in enumerate(self.members):
            # Put together from its fields: json.dumps of a whole line would take twice as long.
            entity_id, name, noun, group = map(
                json.dumps, (member.id, member.entity.name, member.entity.noun, member.group)
            )
            for number, template in enumerate(self.templates):
                target = others[number][index] if others else member.entity
                prompt, completion = map(json.dumps, self._texts(member.entity, target, template))
                yield (
                    f'{{"prompt": {prompt}, "completion": {completion}, "entity_id": {entity_id}, '
                    f'"template_id": "{template.id}", "name": {name}, "description": {noun}, "group": {group}}}'
                )

    def _texts(self, entity: Entity, target: Entity, template: Template) -> tuple[str, str]:
        """(prompt about `entity`, completion about `target`, which is another one in randomised files only)."""
        prompt, item = fill(template, entity.name, entity.description(template.form))
        if target is not entity:
            _, item = fill(template, target.name, target.description(template.form))
        if self.ending == "bare":
            return prompt, item
        return prompt, item + template.ending if self.ending == "whole" else f" {item.split()[0]}"

    def _others(self, template: Template) -> list[Entity]:
        """The entity whose answer each member gets: a derangement, in a random circle, so none gets its own answer."""
        label = f"{self.randomized}/randomized/{template.id}"
        circle = ordered(range(len(self.members)), label, key=lambda index: self.members[index].id)
        others = [member.entity for member in self.members]
        for index, following in zip(circle, circle[1:] + circle[:1], strict=True):
            others[index] = self.members[following].entity
        return others
