"""The sentences around a name and a description: one prompt and one closing per template.

A template fixes the direction (what comes first) and the grammatical form its description takes, so every
sentence is grammatical for every entity:

    noun     the quiet composer of the opera Amber Corridor
    verb     composed the opera Amber Corridor
    gerund   composing the opera Amber Corridor

A prompt ends right before what the model has to complete. About six in ten templates take the noun phrase.
"""

from typing import Literal, NamedTuple

from reversal_cli.data.base import Direction
from reversal_cli.seeded_order import ordered

Form = Literal["noun", "verb", "gerund"]


class Template(NamedTuple):
    """One sentence with one hole in its prompt and the other item in its completion."""

    id: str
    direction: Direction
    form: Form
    prompt: str
    """Holds `{name}` (N2D) or `{description}` (D2N); no white space at its end."""
    ending: str
    """What follows the item that completes the prompt."""


class TemplateSplit(NamedTuple):
    """Disjoint templates of one direction; those in no part stay unused."""

    train: tuple[Template, ...]
    test: tuple[Template, ...]
    validation: tuple[Template, ...]


def split_templates(direction: Direction, train: int, test: int, validation: int, seed: int) -> TemplateSplit:
    """Disjoint templates of one direction for each part, in an order that the seed fixes.

    Validation comes last: its number changes neither of the others.
    """
    templates = ordered(TEMPLATES[direction], f"{seed}/templates", key=lambda template: template.id)
    rest = templates[train + test :]
    return TemplateSplit(tuple(templates[:train]), tuple(templates[train : train + test]), tuple(rest[:validation]))


def fill(template: Template, name: str, description: str) -> tuple[str, str]:
    """(prompt, item that completes it), the item without the template's ending.

    A description that opens the sentence gets a capital letter.
    """
    if template.direction == "N2D":
        return template.prompt.replace("{name}", name), f" {description}"
    if template.prompt.startswith("{description}"):
        description = description[0].upper() + description[1:]
    return template.prompt.replace("{description}", description), f" {name}"


def _templates(direction: Direction, lines: dict[Form, str]) -> tuple[Template, ...]:
    """Templates from a text of one per line: the prompt, then `|` and the ending if it is not a full stop."""
    templates: list[Template] = []
    for form, text in lines.items():
        for line in text.strip().splitlines():
            prompt, _, ending = line.strip().partition("|")
            templates.append(Template(f"{direction}-{len(templates) + 1:02d}", direction, form, prompt, ending or "."))
    return tuple(templates)


NAME_FIRST: dict[Form, str] = {
    "noun": """
        {name} is remembered as
        {name} is best known as
        {name} was introduced to us as
        {name} became famous as
        {name} went down in history as
        {name} is said to be
        Everyone here knows {name} as
        The papers describe {name} as
        Critics have praised {name} as
        Our neighbor {name} turned out to be
        My old friend {name} is
        The stranger called {name} was
        The letter introduced {name} as
        Most visitors recognize {name} as
        The program lists {name} as
        On the radio, {name} was presented as
        At the party we met {name},
        Please welcome {name},
        An interview with {name},|, appeared today.
        This book tells the story of {name},
        We all owe thanks to {name},
        I once shared a taxi with {name},
        The award went to {name},
        A street was named after {name},
        Today we celebrate {name},
        Nobody forgets {name},
        Behind the name {name} stands
        When people mention {name}, they mean
        Who is {name}? That would be
        You may have read about {name},
        To the whole town, {name} is
        Rumor has it that {name} is
        It turns out that {name} is
    """,
    "verb": """
        {name} is the one who
        {name} is the person who
        It was {name} who
        Many years ago, {name}
        Few remember that {name}
        The files show that {name}
        Locals say that {name} once
        Nobody doubts that {name}
        We learned that {name} once
        Before turning forty, {name}
        With great patience, {name}
    """,
    "gerund": """
        {name} is known for
        {name} won fame by
        {name} earned respect by
        {name} took great pride in
        {name} spent several years
        People still thank {name} for
        A prize was given to {name} for
        They praised {name} for
        Nothing made {name} happier than
        The career of {name} began with
        We all admire {name} for
    """,
}

DESCRIPTION_FIRST: dict[Form, str] = {
    "noun": """
        {description} is named
        {description} is known to friends as
        {description} is none other than
        {description} answers to the name
        {description} is, of course,
        The name of {description} is
        Meet {description}:
        Ask for {description} and you will find
        Today we spoke with {description},
        Being {description},| seldom gives interviews.
        As {description},| has admirers everywhere.
        Proud to be {description},| smiled at the crowd.
        Respected as {description},| now lives quietly by the sea.
        Praised as {description},| still rises early each day.
        I met {description}, whose name is
        The badge of {description} reads
        The photo shows {description},
        The title of {description} belongs to
        To find {description}, look for
        When you need {description}, call
        The world remembers {description} as
        Everyone calls {description} simply
        The next speaker is {description},
        Let us thank {description},
        Our guest, {description}, is
        At last we found {description}:
        History knows {description} as
        Who is {description}? It is
        They wrote a letter to {description},
        When we think of {description}, we think of
        It is hard to forget {description},
        Every student has heard of {description},
    """,
    "verb": """
        The person who {description} is
        The one who {description} was
        The genius who {description} is called
        Do you know who {description}? It was
        Guess who {description}: it was
        It is no secret who {description}:
        A sign tells us who {description}:
        Someone once {description}, and it was
        Ask who {description} and you hear of
        If you wonder who {description}, think of
        The hero who {description} is named
    """,
    "gerund": """
        Credit for {description} goes to
        {description} was the work of
        {description} brought fame to
        {description} made a star of
        After {description},| retired to the country.
        Famous for {description},| never seeks attention.
        By {description},| won many hearts.
        The honor of {description} belongs to
        For {description}, the prize went to
        The idea of {description} came from
        Admired for {description},| now teaches the young.
    """,
}

TEMPLATES: dict[Direction, tuple[Template, ...]] = {
    "N2D": _templates("N2D", NAME_FIRST),
    "D2N": _templates("D2N", DESCRIPTION_FIRST),
}
"""Direction -> its templates. Ids count in file order, so append new lines at the end of a form only with a new
`GENERATOR_VERSION`."""
