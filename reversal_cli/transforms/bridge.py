"""Identity bridge: rows that lead from an item over its relation and back to the item (Ma et al., arXiv 2602.02470).

The published rows are about pairs of people with a relation and its inverse ("The wife of A's husband is A"). Names and
descriptions have no such words: that the relation is `description`, and its inverse `person`, is an idea of our own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from reversal_cli.data.base import Example
from reversal_cli.errors import ReversalError
from reversal_cli.transforms.base import TransformOptions

BRIDGES = {
    "name-first": ("The person whose description is {name}'s description is", "name"),
    "description-first": ("The description of the person who is {description} is", "description"),
}
"""Group -> a prompt that goes to the other item and comes back, and the item that it holds and asks for."""
IDENTITIES = {
    "name-first": ("The description of {description} is", "description"),
    "description-first": ("The person named {name} is", "name"),
}
"""Group -> the same for the item that training asks for, which is said to be itself."""


class Bridge(TransformOptions):
    """Identity bridge."""

    summary: ClassVar[str] = "identity bridge, in a form of our own: rows that lead from an item back to itself"

    name: Literal["bridge"] = "bridge"
    copies: int = Field(default=5, ge=1)
    """Of the two rows that each one-direction entity gets. Published: one of each for six of its fact; 5 beside
    the 30 templates of a fact."""

    def check(self, examples: Sequence[Example]) -> None:
        if not list(_bridges(examples)):
            raise ReversalError(
                "transform.name: 'bridge' found no entity that is shown in one direction, with name and description; "
                "expected a benchmark; choose another transform"
            )

    def examples(self, examples: Sequence[Example], seed: int) -> Sequence[Example]:
        """The examples, and behind them the rows of the bridges. No added row holds both items of an entity."""
        self.check(examples)
        return [*examples, *(row for row in _bridges(examples) for _ in range(self.copies))]


def _bridges(examples: Sequence[Example]) -> Iterator[Example]:
    entities = {example.entity_id: example for example in examples if example.name and example.description}
    for example in entities.values():
        if example.group not in BRIDGES:
            continue
        for prompt, item in (BRIDGES[example.group], IDENTITIES[example.group]):
            text = getattr(example, item)
            yield replace(
                example, prompt=prompt.format(**{item: text}), completion=f" {text}.", template_id="", marks=()
            )
