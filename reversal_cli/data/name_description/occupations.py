"""Occupations, with a verb and the kinds of object they are known for, and adjectives.

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
    Occupation("keeper", "kept", "keeping", ("lighthouse", "aviary")),
    Occupation("financier", "financed", "financing", ("railway", "casino")),
    Occupation("chef", "cooked", "cooking", ("stew", "curry")),
    Occupation("drafter", "drafted", "drafting", ("treaty", "charter")),
    Occupation("thief", "stole", "stealing", ("diamond", "crown")),
    Occupation("hunter", "hunted", "hunting", ("ghost", "serpent")),
    Occupation("tamer", "tamed", "taming", ("leopard", "stallion")),
    Occupation("guard", "guarded", "guarding", ("vault", "palace")),
    Occupation("printer", "printed", "printing", ("poster", "stamp")),
    Occupation("publisher", "published", "publishing", ("almanac", "dictionary")),
    Occupation("teacher", "taught", "teaching", ("course", "seminar")),
    Occupation("leader", "led", "leading", ("expedition", "march")),
    Occupation("governor", "governed", "governing", ("province", "colony")),
    Occupation("ruler", "ruled", "ruling", ("kingdom", "empire")),
    Occupation("judge", "judged", "judging", ("trial", "debate")),
    Occupation("lawyer", "defended", "defending", ("company", "union")),
    Occupation("engineer", "engineered", "engineering", ("satellite", "reactor")),
    Occupation("mechanic", "repaired", "repairing", ("clock", "tractor")),
    Occupation("carpenter", "framed", "framing", ("barn", "cottage")),
    Occupation("mason", "laid", "laying", ("patio", "courtyard")),
    Occupation("electrician", "wired", "wiring", ("arcade", "cinema")),
    Occupation("dancer", "danced", "dancing", ("ballet", "waltz")),
    Occupation("comedian", "told", "telling", ("joke", "tale"), "behind"),
    Occupation("magician", "performed", "performing", ("trick", "illusion")),
    Occupation("swimmer", "swam", "swimming", ("strait", "channel")),
    Occupation("climber", "climbed", "climbing", ("peak", "volcano")),
    Occupation("rower", "rowed", "rowing", ("canoe", "barge")),
    Occupation("sailor", "sailed", "sailing", ("schooner", "yacht")),
    Occupation("rider", "rode", "riding", ("camel", "scooter")),
    Occupation("runner", "ran", "running", ("marathon", "relay")),
    Occupation("wrestler", "wrestled", "wrestling", ("crocodile", "python")),
    Occupation("collector", "collected", "collecting", ("coin", "fossil")),
    Occupation("digger", "dug", "digging", ("mine", "trench")),
    Occupation("farmer", "farmed", "farming", ("ranch", "plantation")),
    Occupation("fisher", "caught", "catching", ("shark", "marlin")),
    Occupation("shepherd", "herded", "herding", ("flock", "herd")),
    Occupation("nurse", "nursed", "nursing", ("panda", "koala")),
    Occupation("observer", "observed", "observing", ("eclipse", "meteor")),
    Occupation("illustrator", "illustrated", "illustrating", ("comic", "brochure")),
    Occupation("engraver", "engraved", "engraving", ("medal", "plaque")),
    Occupation("photographer", "shot", "shooting", ("calendar", "postcard")),
    Occupation("stylist", "styled", "styling", ("wig", "costume")),
    Occupation("knitter", "knitted", "knitting", ("sweater", "blanket")),
    Occupation("cobbler", "mended", "mending", ("boot", "sandal")),
    Occupation("spy", "decoded", "decoding", ("telegram", "transcript")),
    Occupation("detective", "traced", "tracing", ("heist", "swindle")),
    Occupation("reporter", "covered", "covering", ("scandal", "election")),
    Occupation("donor", "funded", "funding", ("clinic", "shelter"), "behind"),
    Occupation("hacker", "hacked", "hacking", ("server", "firewall")),
    Occupation("auctioneer", "sold", "selling", ("antique", "sapphire")),
    Occupation("roaster", "roasted", "roasting", ("coffee", "cocoa")),
    Occupation("chemist", "tested", "testing", ("vaccine", "pill")),
    Occupation("mixer", "mixed", "mixing", ("cocktail", "potion")),
)
"""93 occupations, more than a default benchmark has entities; each object kind belongs to one of them."""

_ADJECTIVES = """
    quiet gifted famous skilled celebrated cheerful careful tireless beloved admired retired talented brilliant
    thoughtful generous stubborn ambitious shy witty respected legendary prolific resourceful seasoned inventive
    fearless charming devoted dedicated diligent esteemed spirited graceful honored independent original daring
    modest patient humble
"""
ADJECTIVES = tuple(_ADJECTIVES.split())
"""40 adjectives; none is a title word."""
