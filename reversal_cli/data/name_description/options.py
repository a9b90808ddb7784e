"""Options of the generated benchmark."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reversal_cli.data.name_description.lexicon import BENCHMARK
from reversal_cli.data.name_description.templates import TEMPLATES

TEMPLATES_PER_DIRECTION = min(len(templates) for templates in TEMPLATES.values())
ENTITIES_PER_GROUP = BENCHMARK.capacity // 3


class Options(BaseModel):
    """What decides every byte of a generated benchmark. The defaults are the sizes of the published one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entities: int = Field(default=30, ge=2)
    """Entities in each of the three groups; two at least, or nobody could get another one's answer."""
    train_templates: int = Field(default=30, ge=1)
    """Training templates per direction."""
    test_templates: int = Field(default=10, ge=1)
    """Test templates per direction, disjoint from the training templates."""
    seed: int = Field(default=0, ge=0)
    """Fixes the entities, who is in which group, and the choice of templates."""
    name_words: int = Field(default=2, ge=2, le=4)
    """Words in a name."""

    @field_validator("entities")
    @classmethod
    def _enough_words(cls, entities: int) -> int:
        if entities > ENTITIES_PER_GROUP:
            raise ValueError(f"{entities} entities per group; the lexicon has {ENTITIES_PER_GROUP}; ask for fewer")
        return entities

    @model_validator(mode="after")
    def _enough_templates(self) -> Self:
        if self.train_templates + self.test_templates > TEMPLATES_PER_DIRECTION:
            raise ValueError(
                f"{self.train_templates} train_templates and {self.test_templates} test_templates; each direction has "
                f"{TEMPLATES_PER_DIRECTION} and none may be in both; ask for fewer"
            )
        return self
