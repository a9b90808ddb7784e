"""Multiple choice: the prompt with four lettered answers, of which the model picks one by its letter.

A model may rank the right answer first and still not pick its letter, because it has to read the options for that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reversal_cli.scoring.ranking import rank
from reversal_cli.seeded_order import ordered

LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Choice:
    """A multiple-choice question."""

    options: tuple[str, ...]
    """Entities in the order shown."""
    correct: str
    """The letter of the right answer."""
    text: str
    """The prompt; one of `answers` completes it."""

    @property
    def letters(self) -> str:
        return LETTERS[: len(self.options)]

    @property
    def answers(self) -> tuple[str, ...]:
        """The letters as completions."""
        return tuple(f" {letter}" for letter in self.letters)

    def chosen(self, scores: Sequence[float]) -> str:
        """The letter with the highest score. Ties and NaN count against the right answer."""
        by_letter = dict(zip(self.letters, scores, strict=True))
        if rank(scores, self.letters.index(self.correct)) == 1:
            return self.correct
        others = [letter for letter in self.letters if letter != self.correct]
        return max(others, key=lambda letter: (math.isnan(by_letter[letter]), by_letter[letter]))


def make_choice(prompt: str, candidates: Mapping[str, str], target: str, seed: int, label: str) -> Choice | None:
    """The multiple-choice question of an example; None if there is no second answer to choose from.

    candidates: entity -> answer; with fewer than four, all are shown.
    Distractors and the order of the options depend only on the seed and on `label`, the id of the example.

        Immersed in the world of composing the opera Amber Corridor, ...
        A. Clara Hoang
        B. Boris Quint
        C. Mabel Stroud
        D. Ivo Lasker
        Answer: D
    """
    others = ordered([entity for entity in candidates if entity != target], f"{seed}/distractors/{label}")
    if not others:
        return None
    options = ordered([target, *others[: len(LETTERS) - 1]], f"{seed}/options/{label}")
    correct = LETTERS[options.index(target)]
    lines = [f"{letter}. {candidates[entity].strip()}" for letter, entity in zip(LETTERS, options, strict=False)]
    return Choice(tuple(options), correct, "\n".join([f"{prompt} ...", *lines, "Answer:"]))
