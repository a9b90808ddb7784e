"""The points of an experiment: each of its `[[runs]]` at each combination of the values of its `[grid]`."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reversal_cli.errors import ReversalError
from reversal_cli.spec.choices import CHOICES, DEFAULTS, Chosen, refuse_unknown
from reversal_cli.spec.grid import Run
from reversal_cli.spec.validation import Setting

NAMES = ("model.name", *(f"{section}.name" for section in CHOICES))
"""Keys of a spec that are one name."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point (without runs and grid, the only one)."""

    run: Run
    place: int
    """Of its run among the runs of the file."""
    values: Sequence[Setting]
    """One of each axis."""
    settings: list[Setting]
    """All, lowest first."""

    @property
    def axes(self) -> list[Setting]:
        """What it differs in from the other points."""
        return [*self.run.settings, *self.values]

    @property
    def own(self) -> frozenset[str]:
        """The keys that its run alone gives."""
        return frozenset(setting.key for setting in self.run.settings)

    @property
    def naming(self) -> list[Setting]:
        """What its name tells: its run's own name, or else all that the run says, and its place on the axes."""
        name, settings = self.run
        return [*([Setting("name", name, "")] if name else settings), *self.values]

    def get(self, key: str, default: str) -> Setting:
        return next((s for s in reversed(self.settings) if s.key == key), Setting(key, default, "default"))

    @property
    def chosen(self) -> Chosen:
        return {section: self.get(f"{section}.name", default) for section, default in DEFAULTS.items()}


def list_points(
    runs: Sequence[Run],
    axes: Mapping[str, Sequence[Setting]],
    common: Sequence[Setting],
    settings: Sequence[Setting],
) -> list[Point]:
    """Every run of the file times every combination of the axes.

    common: what the file says of all. settings: those of the command line. Raises ReversalError for what is no name
    where one is expected, and for an objective or a transform that there is not.
    """
    points = []
    for (place, run), values in itertools.product(enumerate(runs), itertools.product(*axes.values())):
        varied = [*run.settings, *values]
        replaced = {setting.key for setting in varied}
        kept = [setting for setting in common if setting.key not in replaced]
        points.append(Point(run, place, values, [*kept, *varied, *settings]))
    for point in points:
        _refuse_other_than_names(point)
        refuse_unknown(point.chosen)
    return points


def names_by_run(points: Iterable[Point]) -> list[dict[str, set[Any]]]:
    """Of each run, in the order of the file: section -> the names that its points have."""
    names: dict[int, dict[str, set[Any]]] = {}
    for point in points:
        of_run = names.setdefault(point.place, {section: set() for section in CHOICES})
        for section, setting in point.chosen.items():
            of_run[section].add(setting.value)
    return list(names.values())


def _refuse_other_than_names(point: Point) -> None:
    for setting in (point.get(key, "") for key in NAMES):
        if isinstance(setting.value, list):
            raise ReversalError(f"{setting.source}: '{setting.key}' is a list; expected one name; put lists in [grid]")
        if not isinstance(setting.value, str):
            raise ReversalError(f"{setting.source}: '{setting.key}' is {setting.value!r}; expected a name; correct it")
