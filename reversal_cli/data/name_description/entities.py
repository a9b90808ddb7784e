"""Invented entities: a unique name and a unique description in three grammatical forms."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from reversal_cli.data.name_description.lexicon import Lexicon
from reversal_cli.data.name_description.occupations import ADJECTIVES, OCCUPATIONS, Occupation
from reversal_cli.data.name_description.templates import Form
from reversal_cli.seeded_order import cycle_ordered, unique_pairs

NOUN = re.compile(r"the (?P<adjective>\S+) (?P<agent>\S+) \S+ the (?P<kind>\S+) (?P<title>.+)")
OCCUPATION_OF = {occupation.agent: occupation for occupation in OCCUPATIONS}


@dataclass(frozen=True, slots=True)
class Entity:
    """One name-description pair. Every form of the description ends in the same title, which no other entity has."""

    name: str
    noun: str
    """`the quiet composer of the opera Amber Corridor`"""
    verb: str
    """`composed the opera Amber Corridor`, for sentences with "who" or a subject before it"""
    gerund: str
    """`composing the opera Amber Corridor`"""

    def description(self, form: Form) -> str:
        return {"noun": self.noun, "verb": self.verb, "gerund": self.gerund}[form]


def make_entities(lexicon: Lexicon, count: int, seed: int, name_words: int = 2) -> list[Entity]:
    """The first `count` entities of the lexicon in the order that `seed` fixes; a larger count only appends entities.

    Words repeat as late as possible: no word of a list of n words occurs twice among the first n entities.
    """
    occupations = cycle_ordered(OCCUPATIONS, f"{seed}/occupations", key=lambda occupation: occupation.agent)
    kinds = {occupation: cycle_ordered(occupation.kinds, f"{seed}/{occupation.agent}") for occupation in OCCUPATIONS}
    adjectives = cycle_ordered(ADJECTIVES, f"{seed}/adjectives")
    titles = unique_pairs(lexicon.title_starts, lexicon.title_ends, f"{seed}/titles")
    names = islice(_names(lexicon, seed, name_words), count)
    entities = []
    for name, title, adjective in zip(names, titles, adjectives, strict=False):
        occupation = next(occupations)
        entities.append(_entity(name, adjective, occupation, next(kinds[occupation]), " ".join(title)))
    return entities


def known_entity(name: str, noun: str) -> Entity | None:
    """The entity of a name and a noun phrase as this generator writes it; None if it is another one's."""
    match = NOUN.fullmatch(noun)
    if match is None or match["agent"] not in OCCUPATION_OF:
        return None
    entity = _entity(name, match["adjective"], OCCUPATION_OF[match["agent"]], match["kind"], match["title"])
    return entity if entity.noun == noun else None


def _entity(name: str, adjective: str, occupation: Occupation, kind: str, title: str) -> Entity:
    work = f"the {kind} {title}"
    return Entity(
        name=name,
        noun=f"the {adjective} {occupation.agent} {occupation.link} {work}",
        verb=f"{occupation.past} {work}",
        gerund=f"{occupation.gerund} {work}",
    )


def _names(lexicon: Lexicon, seed: int, name_words: int) -> Iterator[str]:
    """Unique names: a unique pair of first name and surname, with `name_words` - 2 further first names between them."""
    middles = [cycle_ordered(lexicon.first_names, f"{seed}/middle/{number}") for number in range(name_words - 2)]
    for first, last in unique_pairs(lexicon.first_names, lexicon.surnames, f"{seed}/names"):
        words = [first]
        for middle in middles:
            words.append(next(word for word in middle if word not in words))
        yield " ".join([*words, last])
