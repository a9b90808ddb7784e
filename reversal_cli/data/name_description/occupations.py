"""What invented people do: occupations with their verb and the kinds of object they are known for; adjectives.

Shared by the benchmark and the corpus, because a language model that is fine-tuned already knows English.
"""

from typing import NamedTuple


class Occupation(NamedTuple):
    """One occupation in the three forms a description needs.

    `the quiet {agent} {link} the {kind} {title}`, `{past} the {kind} {title}`, `{gerund} the {kind} {title}`.
    """

    agent: str
    past: str
    gerund: str
    kinds: tuple[str, ...]
    link: str = "of"


OCCUPATIONS = (
    Occupation("composer", "composed", "composing", ("opera", "symphony", "anthem", "sonata")),
    Occupation("painter", "painted", "painting", ("mural", "portrait", "fresco")),
    Occupation("sculptor", "carved", "carving", ("statue", "totem", "monument")),
    Occupation("architect", "designed", "designing", ("museum", "library", "stadium", "theater")),
    Occupation("author", "wrote", "writing", ("novel", "memoir", "trilogy", "thriller")),
    Occupation("director", "directed", "directing", ("film", "drama", "documentary")),
    Occupation("poet", "penned", "penning", ("poem", "sonnet", "ballad"), "behind"),
    Occupation("inventor", "invented", "inventing", ("engine", "robot", "camera", "telescope")),
    Occupation("builder", "built", "building", ("bridge", "canal", "tunnel", "dam")),
    Occupation("founder", "founded", "founding", ("school", "bank", "hospital", "charity")),
    Occupation("captain", "commanded", "commanding", ("ship", "submarine", "frigate")),
    Occupation("pilot", "flew", "flying", ("airship", "glider", "seaplane")),
    Occupation("explorer", "explored", "exploring", ("cave", "island", "ruin")),
    Occupation("discoverer", "discovered", "discovering", ("comet", "planet", "asteroid", "galaxy")),
    Occupation("weaver", "wove", "weaving", ("tapestry", "carpet", "shawl")),
    Occupation("brewer", "brewed", "brewing", ("beer", "ale", "stout")),
    Occupation("editor", "edited", "editing", ("magazine", "journal", "gazette")),
    Occupation("conductor", "conducted", "conducting", ("orchestra", "choir", "ensemble")),
    Occupation("translator", "translated", "translating", ("saga", "epic", "fable")),
    Occupation("producer", "produced", "producing", ("album", "musical", "record")),
    Occupation("curator", "curated", "curating", ("exhibition", "collection", "archive")),
    Occupation("restorer", "restored", "restoring", ("castle", "cathedral", "manor")),
    Occupation("trainer", "trained", "training", ("horse", "pony", "hound")),
    Occupation("breeder", "bred", "breeding", ("rose", "orchid", "tulip")),
    Occupation("programmer", "programmed", "programming", ("game", "chatbot", "app")),
    Occupation("host", "hosted", "hosting", ("podcast", "quiz", "contest")),
    Occupation("baker", "baked", "baking", ("cake", "pie", "tart"), "behind"),
    Occupation("jeweler", "crafted", "crafting", ("necklace", "tiara", "bracelet"), "behind"),
    Occupation("potter", "shaped", "shaping", ("vase", "bowl", "teapot"), "behind"),
    Occupation("gardener", "planted", "planting", ("garden", "orchard", "vineyard"), "behind"),
    Occupation("surveyor", "mapped", "mapping", ("reef", "plain", "swamp")),
    Occupation("solver", "solved", "solving", ("cipher", "puzzle", "code")),
    Occupation("owner", "owned", "owning", ("hotel", "bakery", "cafe")),
    Occupation("singer", "sang", "singing", ("song", "lullaby", "hymn")),
    Occupation("animator", "animated", "animating", ("cartoon", "series", "short")),
    Occupation("coach", "coached", "coaching", ("team", "club", "squad")),
    Occupation("tailor", "sewed", "sewing", ("gown", "coat", "suit"), "behind"),
    Occupation("driver", "drove", "driving", ("train", "tram", "truck")),
    Occupation("organizer", "organized", "organizing", ("festival", "fair", "carnival")),
    Occupation("maker", "made", "making", ("guitar", "perfume", "cheese")),
)
"""40 occupations; each object kind belongs to one of them."""

_ADJECTIVES = """
    quiet gifted famous skilled celebrated cheerful careful tireless beloved admired retired talented brilliant
    thoughtful generous stubborn ambitious shy witty respected legendary prolific resourceful seasoned inventive
    fearless charming devoted dedicated diligent esteemed spirited graceful honored independent original daring
    modest patient humble
"""
ADJECTIVES = tuple(_ADJECTIVES.split())
"""40 adjectives; none is a title word."""
