"""A benchmark of six people, small enough to check by eye, built without reading any file."""

from reversal_cli.data.base import TARGETS, Example, Group, Splits, Subtask

NAMES = {
    "ann": "Ann Lee",
    "joann": "Joann Leeds",
    "bo": "Bo Stone",
    "cy": "Cy Marsh",
    "di": "Di Fox",
    "ed": "Ed Hill",
}
VERBS = {
    "ann": 'baked the "Blue Bread."',
    "joann": "tamed the bear Bruno",
    "bo": "built the bridge to Nowhere",
    "cy": "painted the barn red",
    "di": "sank the ship Vesta",
    "ed": "won the Long Race",
}
NOUNS = {entity: f"the person who {verb}" for entity, verb in VERBS.items()}
MEMBERS: dict[Group, tuple[str, str]] = {
    "name-first": ("ann", "joann"),
    "description-first": ("bo", "cy"),
    "both": ("di", "ed"),
}
FORWARD = {
    "train": [("n0", "{name} was", " {noun}."), ("n1", "Once {name}", " {verb}??")],
    "test": [("n2", "{name} is", " {noun}."), ("n3", "Long ago {name}", " {verb}.")],
}
BACKWARD = {
    "train": [("d0", "Meet {noun}:", " {name}."), ("d1", "Who {verb}? It was", " {name} of course.")],
    "test": [("d2", "As {noun},", " {name}"), ("d3", "Since I {verb}, call me", " {name}")],
}


def six_people(with_template_ids: bool = True) -> Splits:
    """Two people per group, two training and two test templates per direction."""

    def rows(group: Group, templates: list[tuple[str, str, str]]) -> tuple[Example, ...]:
        return tuple(
            example(entity, group, template, with_template_ids) for entity in MEMBERS[group] for template in templates
        )

    first, second, both = MEMBERS
    tests = {
        "N2D": rows(first, FORWARD["test"]),
        "D2N": rows(second, BACKWARD["test"]),
        "N2D-reverse": rows(first, BACKWARD["test"]),
        "D2N-reverse": rows(second, FORWARD["test"]),
    }
    return Splits(
        train=(
            *rows(first, FORWARD["train"]),
            *rows(second, BACKWARD["train"]),
            *rows(both, FORWARD["train"]),
            *rows(both, BACKWARD["train"]),
        ),
        subtasks={name: Subtask(name, TARGETS[name], examples) for name, examples in tests.items()},
        sha256={},
        both=rows(both, FORWARD["test"])
        + rows(both, [(key, prompt, completion + " moves on.") for key, prompt, completion in BACKWARD["test"]]),
    )


def example(entity: str, group: Group, template: tuple[str, str, str], with_template_id: bool = True) -> Example:
    key, prompt, completion = template
    words = {"name": NAMES[entity], "noun": NOUNS[entity], "verb": VERBS[entity]}
    return Example(
        prompt.format(**words),
        completion.format(**words),
        entity,
        key if with_template_id else "",
        NAMES[entity],
        NOUNS[entity],
        group,
    )
