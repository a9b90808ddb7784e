"""A benchmark in memory: examples, subtasks, splits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from reversal_cli.errors import unknown_name

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

TEST_FILES = tuple(f"{stem}.jsonl" for stem in SUBTASKS.values())
"""Names of the test files."""

VALIDATION: dict[str, str] = {name: f"{stem.removesuffix('_test')}_validation" for name, stem in SUBTASKS.items()}
"""Subtask -> file stem of its validation prompts, which only a generated benchmark has."""

TARGETS: dict[str, Target] = {
    "N2D": "description",
    "D2N": "name",
    "N2D-reverse": "name",
    "D2N-reverse": "description",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its completion. The text that the model sees is `prompt + completion`."""

    prompt: str
    completion: str
    """Starts with a space, as published."""
    entity_id: str
    """Of the name-description pair; examples that share it are not independent."""
    template_id: str = ""
    """Empty if the file does not have it (the published dataset)."""
    name: str = ""
    description: str = ""
    """Noun phrase of the description; empty if the file does not have it."""
    group: Group | None = None
    marks: tuple[int, ...] = ()
    """Characters before which training puts a token of the transform."""

    @property
    def text(self) -> str:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Subtask:
    """The prompts of one test or validation file, in file order."""

    name: str
    target: Target
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Splits:
    """A whole benchmark: training examples and the four subtasks (keys and order of `SUBTASKS`)."""

    train: tuple[Example, ...]
    subtasks: dict[str, Subtask]
    sha256: dict[str, str]
    """File name -> hex digest of each file read, to prove that two runs used the same data.

    Without the validation files: they can change neither weights nor test scores.
    """
    both: tuple[Example, ...] = ()
    """Test prompts, in both directions, about the entities trained in both; empty if the folder lacks the file."""
    validation: dict[str, Subtask] = field(default_factory=dict)
    """The four subtasks with templates that are neither trained nor tested; empty if the folder has none."""


def select_subtasks(subtasks: Sequence[str] | None) -> list[str]:
    """The given subtasks in the order of the tables; None: all. Raises ReversalError for an unknown name."""
    for name in subtasks or ():
        if name not in SUBTASKS:
            raise unknown_name("--subtask", "subtask", name, SUBTASKS)
    return [name for name in SUBTASKS if not subtasks or name in subtasks]
