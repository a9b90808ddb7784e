"""Options of the generated benchmark."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reversal_cli.data.name_description.lexicon import LARGE_BENCHMARK
from reversal_cli.data.name_description.templates import TEMPLATES

TEMPLATES_PER_DIRECTION = min(len(templates) for templates in TEMPLATES.values())
VALIDATION_TEMPLATES = 5
ENTITIES_PER_GROUP = LARGE_BENCHMARK.capacity // 3


def _left_for_validation(options: dict[str, Any]) -> int:
    """The default of `validation_templates`: what the others leave, at most five."""
    left = TEMPLATES_PER_DIRECTION - options["train_templates"] - options["test_templates"]
    return max(0, min(VALIDATION_TEMPLATES, left))


class Options(BaseModel):
    """What decides every byte of a generated benchmark.

    The training defaults are the sizes of the published one. It tests 10 templates; here there are 20,
    since more templates give narrower intervals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    entities: int = Field(default=30, ge=2)
    """Entities in each of the three groups: at least 2, so that another entity's answer exists, and at most 100,000.
    Above 3,333 all of them have compound surnames ("Oakbridge") and titles ("Foxbrook Bell")."""
    train_templates: int = Field(default=30, ge=1)
    """Training templates per direction."""
    test_templates: int = Field(default=20, ge=1)
    """Test templates per direction, disjoint from the training templates."""
    validation_templates: int = Field(default_factory=_left_for_validation, ge=0)
    """Templates per direction for evaluations during training, disjoint from both; 0 writes no validation files.
    Unset: as many as the others leave (4 with the defaults), at most 5. The other files do not depend on it."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Fixes the entities, their groups, and the choice of templates."""
    name_words: int = Field(default=2, ge=2, le=4)
    """Words in a name."""

    @field_validator("entities")
    @classmethod
    def _enough_words(cls, entities: int) -> int:
        if entities > ENTITIES_PER_GROUP:
            raise ValueError(f"{entities} entities per group; the lexicon has {ENTITIES_PER_GROUP}; lower it")
        return entities

    @model_validator(mode="after")
    def _enough_templates(self) -> Self:
        if self.train_templates + self.test_templates + self.validation_templates > TEMPLATES_PER_DIRECTION:
            raise ValueError(
                f"{self.train_templates} train_templates, {self.test_templates} test_templates and "
                f"{self.validation_templates} validation_templates; each direction has {TEMPLATES_PER_DIRECTION} and "
                "none may serve twice; lower one of them"
            )
        return self
