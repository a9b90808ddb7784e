"""Where the text of an example has its name and its description."""

from typing import NamedTuple

from reversal_cli.data.base import Example, Target

Characters = tuple[int, int]
"""First character and the one after the last."""


class Mention(NamedTuple):
    """A place that has the name or the description."""

    kind: Target
    span: Characters
    whole: bool
    """False: the description in another grammatical form than the dataset tells it in."""


def find_mentions(example: Example) -> tuple[Mention, ...]:
    """The name and the description, each where it comes first, if they are there.

    Upper and lower case count as equal, since a description may begin the sentence. Of a description in another form
    (`composing the opera Amber Corridor`) the end is found, and the verb taken to be the word before it.
    """
    text = _lower(example.text)
    mentions = []
    if span := _find(text, _lower(example.name)):
        mentions.append(Mention("name", span, whole=True))
    phrase = _lower(example.description)
    if span := _find(text, phrase):
        mentions.append(Mention("description", span, whole=True))
    elif span := _find_other_form(text, phrase):
        mentions.append(Mention("description", span, whole=False))
    return tuple(mentions)


def _lower(text: str) -> str:
    """The text in lower case with each character in its place: that of \u0130 would be two."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _find(text: str, phrase: str) -> Characters | None:
    first = text.find(phrase) if phrase else -1
    return None if first < 0 else (first, first + len(phrase))


def _find_other_form(text: str, phrase: str) -> Characters | None:
    """The longest end of the phrase that is in the text, of two words or more, with the word before it."""
    words = phrase.split()
    for start in range(1, len(words) - 1):
        if found := _find(text, " " + " ".join(words[start:])):
            before = text.rfind(" ", 0, found[0]) + 1
            return before, found[1]
    return None
