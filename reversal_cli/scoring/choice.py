"""Multiple choice: the prompt, four lettered answers, and the question which one it is.

A model may rank the right answer first and still not pick it by its letter, which takes reading the options.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reversal_cli.scoring.ranking import rank
from reversal_cli.seeded_order import ordered

LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Choice:
    """One question."""

    options: tuple[str, ...]
    """Entities in the order shown."""
    correct: str
    """The letter of the right one."""
    text: str
    """What the model is given; one of `answers` is to follow."""

    @property
    def letters(self) -> str:
        return LETTERS[: len(self.options)]

    @property
    def answers(self) -> tuple[str, ...]:
        """The letters as completions."""
        return tuple(f" {letter}" for letter in self.letters)

    def chosen(self, scores: Sequence[float]) -> str:
        """The letter with the highest score. A tie with the right one goes to another, and so does a score of NaN."""
        by_letter = dict(zip(self.letters, scores, strict=True))
        if rank(scores, self.letters.index(self.correct)) == 1:
            return self.correct
        others = [letter for letter in self.letters if letter != self.correct]
        return max(others, key=lambda letter: (math.isnan(by_letter[letter]), by_letter[letter]))


def make_choice(prompt: str, candidates: Mapping[str, str], target: str, seed: int, label: str) -> Choice | None:
    """The question of a row; None where there is no second answer to choose from.

    candidates: entity -> answer. Distractors and the order of the options depend on nothing but the seed and `label`,
    the row's id. With fewer than four candidates all are shown.

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
