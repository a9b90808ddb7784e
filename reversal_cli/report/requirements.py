"""Requirements such as `bico: N2D-reverse >= 60`, for scripts and CI."""

import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from reversal_cli.data.base import SUBTASKS
from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.report.references import RUN
from reversal_cli.report.tables import DEFAULT_METRIC
from reversal_cli.scoring import METRICS
from reversal_cli.spec.presets import PRESETS

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
PATTERN = re.compile(r"(?P<names>.+):\s*(?P<subtask>[^\s<>=]+)\s*(?P<op>>=|<=|==|>|<)\s*(?P<percent>\d+(\.\d+)?)\s*%?")
KINDS = ("objective", "experiment", "model")
"""What a name may refer to; the first that matches counts."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`<names>: <subtask> <op> <percent>`, parsed."""

    text: str
    names: tuple[str, ...]
    subtask: str
    op: str
    percent: float


def check_requirements(
    frame: pd.DataFrame,
    requirements: Sequence[str],
    metric: str = DEFAULT_METRIC,
    warn: Callable[[str], None] = lambda message: None,
) -> list[str]:
    """The failures, a line each; empty if every requirement holds.

    A requirement holds if every matching run (every seed) has the metric and meets it; controls and floors are not
    runs. Names of one kind are alternatives, names of different kinds must all match: `bico,ntp,tiny-llama: D2N >= 90`
    selects the BICO and NTP runs of tiny-llama. A known name that matches no run is a failure.

    Raises ReversalError for a malformed requirement, an unknown name, an unknown subtask or an unknown metric.
    """
    if metric not in METRICS:
        raise unknown_name("--metric", "metric", metric, METRICS)
    runs = frame[frame["row"] == RUN]
    parsed = [parse_requirement(text, warn) for text in requirements]
    refuse_unknown_names(parsed, {name for kind in KINDS for name in runs[kind]})
    return [failure for requirement in parsed for failure in _failures(runs, requirement, metric)]


def parse_requirement(text: str, warn: Callable[[str], None] = lambda message: None) -> Requirement:
    """Raises ReversalError for a malformed requirement and an unknown subtask; warns if the percent may be a share."""
    match = PATTERN.fullmatch(text.strip())
    if match is None or float(match["percent"]) > 100:
        raise ReversalError(
            f"--require: found '{text}'; expected '<objective, experiment or model>[,more]: <subtask> <op> <percent>' "
            "with an op of >=, <=, >, <, == and a percent of at most 100; for example 'bico: N2D-reverse >= 60'"
        )
    if match["subtask"] not in SUBTASKS:
        raise unknown_name(f"--require '{text}'", "subtask", match["subtask"], SUBTASKS)
    if 0 < float(match["percent"]) < 1:
        warn(f"--require '{text}' is in percent: {match['percent']} means {match['percent']} %")
    names = tuple(name.strip() for name in match["names"].split(","))
    return Requirement(text.strip(), names, match["subtask"], match["op"], float(match["percent"]))


def refuse_unknown_names(requirements: Sequence[Requirement], names: Iterable[str]) -> None:
    """Raises ReversalError for a name that is neither in `names`, those of the runs, nor an objective or a preset."""
    known = {*names, *OBJECTIVE_SPECS, *PRESETS}
    for requirement in requirements:
        for name in requirement.names:
            if name not in known:
                raise unknown_name(f"--require '{requirement.text}'", "objective, experiment or model", name, known)


def refuse_absent_names(requirements: Sequence[Requirement], names: Collection[str]) -> None:
    """Raises ReversalError for a name that none of the runs to be made has; names: all of theirs."""
    refuse_unknown_names(requirements, names)
    for requirement in requirements:
        for name in requirement.names:
            if name not in names:
                raise ReversalError(
                    f"--require '{requirement.text}': no run to be made has the objective, experiment or model "
                    f"'{name}'; expected one of {', '.join(sorted(names))}; correct it"
                )


def _failures(runs: pd.DataFrame, requirement: Requirement, metric: str) -> list[str]:
    names_of: dict[str, list[str]] = {}
    for name in requirement.names:
        kind = next((kind for kind in KINDS if runs[kind].eq(name).any()), None)
        if kind is None:
            return [f"{requirement.text}: no finished run has the objective, experiment or model '{name}'"]
        names_of.setdefault(kind, []).append(name)
    for kind, names in names_of.items():
        runs = runs[runs[kind].isin(names)]
    if runs.empty:
        return [f"{requirement.text}: no finished run matches all of {', '.join(requirement.names)}"]
    failures = (_failure(run, requirement, metric) for _, run in runs.groupby(["digest", "dataset"], sort=False))
    return [failure for failure in failures if failure]


def _failure(run: pd.DataFrame, requirement: Requirement, metric: str) -> str | None:
    """One line on how a run fails a requirement; None if it meets it."""
    name = f"{run.iloc[0]['experiment']} seed {run.iloc[0]['seed']}"
    values = run[(run["subtask"] == requirement.subtask) & (run["metric"] == metric)]["value"]
    if values.empty or values.isna().any():
        return f"{requirement.text}: {name} has no {metric}"
    # Nine decimals: 100 * 0.29 is 28.999999999999996.
    percent = round(100 * values.iloc[0], 9)
    if OPERATORS[requirement.op](percent, requirement.percent):
        return None
    return f"{requirement.text}: {name} has {percent:.2f} ({metric})"
