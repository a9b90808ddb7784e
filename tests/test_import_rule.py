"""The package's import rule: a folder imports what lies below it, never what lies above."""

import ast
from pathlib import Path

import reversal_cli

PACKAGE = Path(reversal_cli.__file__).parent
GROUND = {
    "errors",
    "interruption",
    "processes",
    "plain_text",
    "streams",
    "console",
    "progress",
    "run_clock",
    "seeded_order",
    "statistics",
    "files",
}
"""Folders and modules that know nothing of experiments; they may import one another."""
LADDER = (
    ("data", "objectives"),
    ("transforms",),
    ("spec",),
    ("runs",),
    ("models",),
    ("inference",),
    ("evaluation",),
    ("training",),
)
"""From the bottom up: each may import all that stand before it."""


def may_import() -> dict[str, set[str]]:
    """Folder, or module at the package's root -> what else of the package it may import."""
    allowed = {name: set(GROUND) for name in GROUND}
    below = set(GROUND)
    for names in LADDER:
        allowed |= {name: set(below) for name in names}
        below |= set(names)
    allowed["runs"].add("scoring")
    allowed["scoring"] = {"data", *GROUND}
    allowed["report"] = {"runs", "spec", "scoring", "data", "objectives", "transforms", *GROUND}
    allowed["export"] = {"data", "scoring", *GROUND}
    for name in ("evaluation", "training"):
        allowed[name].add("scoring")
    allowed["benchmark"] = {"spec", "data", *GROUND}
    allowed["workers"] = set(GROUND)
    allowed["schedule"] = {"spec", "workers", *GROUND}
    allowed["pipeline"] = {*below, "scoring", "benchmark", "workers", "schedule"}
    allowed["bench"] = {*below, "scoring", "report"}
    allowed["commands"] = {*allowed["pipeline"], "pipeline", "report", "export", "bench"}
    allowed["cli"] = {"commands", *GROUND}
    allowed["__main__"] = {"cli"}
    allowed["__init__"] = set()
    return allowed


def imported(path: Path) -> set[str]:
    """The folders of the package that a file imports from, wherever in the file: `{"data", "errors"}`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reversal_cli."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "reversal_cli":
            found |= {alias.name for alias in node.names}
    return found - {"__version__"}


def test_no_file_imports_from_above():
    allowed = may_import()
    upward = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        own = place.parts[0].removesuffix(".py")
        upward += [f"{place} imports {name}" for name in sorted(imported(path) - allowed[own] - {own})]
    assert upward == []
