"""What a benchmark is once it is read: examples, subtasks, splits."""

from dataclasses import dataclass
from typing import Literal

Group = Literal["name-first", "description-first", "both"]
Direction = Literal["N2D", "D2N"]
Target = Literal["name", "description"]

SUBTASKS: dict[str, str] = {
    "N2D": "p2d_prompts_test",
    "D2N": "d2p_prompts_test",
    "N2D-reverse": "p2d_reverse_prompts_test",
    "D2N-reverse": "d2p_reverse_prompts_test",
}
"""Subtask -> published file stem, in the order in which every table shows them."""

TARGETS: dict[str, Target] = {
    "N2D": "description",
    "D2N": "name",
    "N2D-reverse": "name",
    "D2N-reverse": "description",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a benchmark file. The text the model sees is `prompt + completion`."""

    prompt: str
    completion: str
    """Starts with a space, as published."""
    entity_id: str
    """One name-description pair; rows that share it are not independent."""
    template_id: str = ""
    """Empty where the file does not say (the published dataset)."""
    name: str = ""
    description: str = ""
    """Noun phrase of the description; empty where the file does not say."""
    group: Group | None = None

    @property
    def text(self) -> str:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Subtask:
    """The prompts of one test file, in file order."""

    name: str
    target: Target
    examples: tuple[Example, ...]

    @property
    def entities(self) -> int:
        return len({example.entity_id for example in self.examples})


@dataclass(frozen=True, slots=True)
class Splits:
    """A whole benchmark: training rows and the four subtasks (keys and order of `SUBTASKS`)."""

    train: tuple[Example, ...]
    subtasks: dict[str, Subtask]
    sha256: dict[str, str]
    """File name -> hex digest of each file read, so that two runs can prove they saw the same data."""
