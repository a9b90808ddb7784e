"""The rows beside the accuracy of a run: floors, a ceiling, and a control."""

RUN = "run"
"""The `row` of the accuracy of a run; every other is a control or a floor."""
REFERENCES: dict[str, tuple[str, str]] = {
    "wrong entity": ("wrong entity's answer", "another entity's target, for every prompt: a floor"),
    "other wording": (
        "same entity, another wording",
        "the right target as another template words it: what knowing the fact but not the wording scores",
    ),
    "both-directions": (
        "both-directions group",
        "the run on entities trained in both directions: a ceiling",
    ),
    "in-context": (
        "fact in context",
        "the run with the fact in the prompt: a control, not a ceiling, since a very small model cannot use a context",
    ),
}
"""Row -> its name in a table, and its meaning. In the order of the table."""
FLOORS = ("wrong entity", "other wording")
"""Rows computed from the test files alone, so the same for all runs on them."""
