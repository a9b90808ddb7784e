"""Sentences for the corpus of a base model alone: put together from parts, in many thousands of ways.

A benchmark's sentences come from few templates, which a base can learn by heart. From these it learns what a template
of another benchmark has in common with them: that many ways of speaking lead from a description to a name.
"""

from reversal_cli.data.base import Direction
from reversal_cli.data.name_description.templates import Template
from reversal_cli.seeded_order import ordered


def _lines(text: str) -> tuple[str, ...]:
    """The lines of a text; a dot alone stands for nothing."""
    return tuple("" if line.strip() == "." else line.strip() for line in text.strip().splitlines())


BEFORE_NAME = _lines("""
    .
    .
    .
    They say that
    As we all know,
    In those days,
    To this day,
    Without a doubt,
    In the end,
    Believe it or not,
    As far as I know,
    According to the report,
    Across the country,
    For many years,
    Since the first day,
    Among friends,
    In this house,
    On paper,
    Deep down,
    In every way,
    More than anyone else,
    It is well known that
    We can be sure that
    Imagine a person called
    Allow me to present
    Have you met
    Long live
    Let me tell you about
    Here comes
    Nobody is quite like
""")
NAME_TO_DESCRIPTION = _lines("""
    is
    was
    has long been
    has always been
    will always be
    is proud to be
    was born to be
    is also
    is now
    is still
    became
    is hailed as
    is celebrated as
    is regarded as
    is respected as
    is introduced as
    is referred to as
    is recognized as
    is honored as
    is seen as
    was elected as
    works as
    serves as
    lives as
    made a name as
    rose to fame as
    left a mark as
    has the honor of being
    holds the title of
    holds the distinction of being
    carries the title of
    enjoys the reputation of being
    is happy with being
    never tires of being
    never boasts about being
    takes pride in being
    got used to being
    has the unusual fate of being
    keeps the memory alive of being
    ,
    , also known as
    , otherwise known as
    , widely known as
    , the one and only
    , remembered by all as
    , our beloved
    , better known as
    , that is,
    , a.k.a.
    :
    , who is
    , who became known as
    , who has the role of
    , who stands tall as
    , in other words,
    , famous for being
    , forever linked to being
    , who never regretted being
    , who is nothing less than
    , formerly
""")
BEFORE_DESCRIPTION = _lines("""
    .
    .
    .
    .
    .
    As
    As the story goes,
    Being
    Being known as
    Known as
    Known for being
    Known around the world as
    Best known as
    Better known as
    Renowned for being
    Renowned as
    Celebrated as
    Celebrated for being
    Regarded as
    Regarded by many as
    Hailed as
    Honored as
    Remembered as
    Remembered for being
    Seen by all as
    Often called
    Often described as
    Introduced as
    Referred to as
    Recognized as
    Labeled by the press as
    Standing before us as
    Standing out as
    Wearing the title of
    Wearing the crown of
    Carrying the title of
    Holding the title of
    With the title of
    With the fame of
    With the reputation of being
    With the joy of being
    Famous for being
    Born to be
    Never shy about being
    Content with being
    Happy to be
    Once called
    Ever since becoming
    Having become
    Having been chosen as
    Having lived as
    After years as
    After becoming
    By being
    Despite being
    In the role of
    In the life of
    In the person of
    Behind the title of
    In our town lives
    Once upon a time there was
    There is only one person who is
    You asked about
    We are looking for
    Let me introduce
    This is the story of
    I have heard of
    Welcome
    Here is
    They call
    Everyone knows
    Nobody forgets
    Think of
""")
DESCRIPTION_TO_NAME = _lines("""
    ,
    ,
    ,
    ,
    ,
    ,
    ,
    ,
    :
    , there is
    , there was
    , there lived
    , we have
    , we find
    , we meet
    , we know
    , we see
    , we remember
    , we honor
    , we thank
    , you will find
    , you will meet
    , you have
    , you know
    , I remember
    , I give you
    , I think of
    , it is
    , it was
    , it must be
    , that is
    , that would be
    , this is
    , here comes
    , here is
    , stands
    , lives
    , they chose
    , they called
    , they found
    , people mention
    , people think of
    , the name is
    , the name was
    , the answer is
    , the right name is
    , nobody but
    , none other than
    , no other than
    , also known as
    , also called
    , better known as
    , by the name of
    , who goes by
    , who goes by the name
    , who is called
    , who is named
    , who is known as
    , who answers to
    , whose name is
    , whose real name is
    , whose friends say
    , whose passport says
    , or simply
    , or in short
    , in short,
    , in a word,
    , of course,
    , in fact,
    , indeed,
    , dear friends,
    , ladies and gentlemen,
    , our own
    , our friend
    , the one and only
    , a person called
    , a person named
    , someone named
    , a certain
    is
    was
    is called
    is named
    is known as
    goes by
    goes by the name
    goes by the name of
    bears the name
    has a name:
    is nobody else than
    is no one but
    is really
    is surely
    , namely
    and, as you know,
    and the name is
    with pride, people mention
    with gratitude, we speak of
    with a smile, they think of
    , written in gold letters:
    , signed
""")
AFTER_NAME = _lines("""
    .
    .
    .
    !
    , of course.
    , as you know.
    , they say.
    , and nobody else.
    never stopped working.
    has never looked back.
    never gave up.
    remains modest.
    remains a friend to all.
    still takes the bus.
    still writes letters by hand.
    still dreams of the sea.
    continues to learn.
    continues to travel.
    continues to surprise us.
    continues to give talks.
    enjoys quiet evenings.
    enjoys every day.
    lives in a small house.
    lives by the river.
    has many friends.
    has seen the world.
    has little time.
    has proven many wrong.
    is happy at last.
    is often in the news.
    is a welcome guest.
    is not easily shaken.
    smiled and said nothing.
    laughed and waved.
    looked tired but proud.
    accepted the prize.
    received many letters.
    thanked everyone.
    wrote a short note.
    opened the door.
    made us proud.
    told us a story.
    left the room.
    set new standards.
    knows how to cook.
    loves long walks.
    hopes to return soon.
    will not be forgotten.
    will speak tonight.
    would do it all again.
    humbly says thanks.
    kindly answered every question.
    quietly goes on.
    gladly shares advice.
    can be proud.
    , who smiled.
    , who never forgets a face.
    and the whole family came.
    with a bright smile.
    in person.
""")


def paraphrase(direction: Direction, label: str) -> Template:
    """A sentence of parts that the label decides, in which a noun phrase describes the entity."""

    def part(parts: tuple[str, ...], what: str) -> str:
        return ordered(parts, f"{label}/{what}")[0]

    if direction == "N2D":
        start, middle, end = part(BEFORE_NAME, "before"), part(NAME_TO_DESCRIPTION, "between"), "."
        prompt = _join(_join(start, "{name}"), middle)
    else:
        start, middle = part(BEFORE_DESCRIPTION, "before"), part(DESCRIPTION_TO_NAME, "between")
        prompt, end = _join(_join(start, "{description}"), middle), part(AFTER_NAME, "after")
        end = end if not end[:1].isalpha() else f" {end}"
    return Template(f"{direction}-paraphrase", direction, "noun", prompt, end or ".")


def _join(start: str, more: str) -> str:
    """Two parts with a space between them, but none at the beginning or before a comma or a colon."""
    return start + more if not start or more[:1] in {",", ":"} else f"{start} {more}"
