"""The rows that stand beside a run's own accuracy: floors, a ceiling, and a control."""

RUN = "run"
"""The `row` of a run's own accuracy; any other is a control or a floor."""
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
"""Row -> its name in a table, and what it is. In the order of the table."""
FLOORS = ("wrong entity", "other wording")
"""Rows computed from the test files alone: the same for all runs on them."""
