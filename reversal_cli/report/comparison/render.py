"""A comparison as tables, sentences, Markdown, CSV and JSON. Percent and rounding happen only here."""

import csv
import io
import json
from dataclasses import asdict

from reversal_cli.files.reading import JsonObject
from reversal_cli.plain_text import markdown_text, spreadsheet_text
from reversal_cli.report.comparison.compare import Comparison, SubtaskComparison
from reversal_cli.report.comparison.evaluated_run import EvaluatedRun
from reversal_cli.report.gaps import p_value
from reversal_cli.report.render import markdown_parts
from reversal_cli.report.tables import ReportTable, percent
from reversal_cli.statistics.estimate import SHORT_UNITS
from reversal_cli.statistics.significance import FLIPS

SIGNIFICANT = 0.05
NARROW = 0.1
"""An interval that is less wide has decimals."""
T = "Student's t with the clustered variance of the differences"
SCORE = (
    "Tango's score interval and test with one pair per entity or template, whichever are fewer: too few of them vary"
)


def comparison_tables(comparison: Comparison) -> list[ReportTable]:
    """The differences with their tests, then agreement of the prompts and detectable difference."""
    subtasks = comparison.subtasks
    differences = ["rows", "entities", "templates", "A", "B", "B - A", "p", "p (Holm)"]
    rest = ["ICC", "detectable", "p (permutation)", "only A right", "only B right", "p (McNemar)"]
    title = f"B - A ({comparison.metric})"
    return [
        ReportTable(title, ["subtask", *differences], [_row(s) for s in subtasks], _notes(comparison), differences),
        ReportTable(
            "What it rests on", ["subtask", *rest], [_rest(s) for s in subtasks], _rest_notes(comparison), rest
        ),
    ]


def sentences(comparison: Comparison) -> list[str]:
    """The result of each subtask in a sentence."""
    name_a, name_b = _names(comparison.a, comparison.b)
    return [_sentence(subtask, name_a, name_b) for subtask in comparison.subtasks]


def markdown(comparison: Comparison) -> str:
    """A whole Markdown file."""
    parts = [f"# {' and '.join(_names(comparison.a, comparison.b))}"]
    for table in comparison_tables(comparison):
        parts += markdown_parts(table)
    lines = [*sentences(comparison), *comparison.notes]
    parts.append("\n".join(f"- {markdown_text(line)}" for line in lines))
    return "\n\n".join(parts) + "\n"


def csv_text(comparison: Comparison) -> str:
    """A line per subtask; scores in [0, 1], not rounded; cells are empty if something cannot be estimated."""
    runs = {"a": comparison.a.folder, "b": comparison.b.folder, "metric": comparison.metric}
    lines = [{**runs, **_record(subtask)} for subtask in comparison.subtasks]
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: spreadsheet_text(value) if isinstance(value, str) else value for key, value in line.items()}
        for line in lines
    )
    return text.getvalue()


def json_text(comparison: Comparison) -> str:
    """The whole comparison; scores in [0, 1], not rounded; null if something cannot be estimated."""
    content = {
        "a": _identity(comparison.a),
        "b": _identity(comparison.b),
        "metric": comparison.metric,
        "definition": comparison.definition,
        "intervals": {"t": T, "score": SCORE},
        "notes": comparison.notes,
        "subtasks": [
            {**_record(subtask), "sentence": sentence}
            for subtask, sentence in zip(comparison.subtasks, sentences(comparison), strict=True)
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def signed(score: float, digits: int = 0) -> str:
    """A difference in points with its sign; zero is never negative.

    >>> signed(0.125, 1), signed(-0.004)
    ('+12.5', '+0')
    """
    return f"{round(100 * score, digits) + 0.0:+.{digits}f}"


def signed_interval(low: float, high: float) -> str:
    """With a decimal where it is narrow or ends at zero: else it could not be told whether it holds zero.

    >>> signed_interval(-0.0005, 0.3), signed_interval(0.1, 0.34)
    ('[-0.1, +30.0]', '[+10, +34]')
    """
    digits = 1 if high - low < NARROW or "0" in (f"{abs(100 * low):.0f}", f"{abs(100 * high):.0f}") else 0
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def _row(subtask: SubtaskComparison) -> list[str]:
    paired = subtask.paired
    mark = "*" if paired.interval == "score" else ""
    interval = f"{signed(paired.difference, 1)} {signed_interval(paired.low, paired.high)}{mark}"
    templates = "-" if paired.templates is None else str(paired.templates)
    counts = [str(paired.n), str(paired.entities), templates]
    means = [percent(paired.mean_a), percent(paired.mean_b)]
    return [subtask.subtask, *counts, *means, interval, p_value(paired.p), p_value(subtask.p_holm)]


def _rest(subtask: SubtaskComparison) -> list[str]:
    paired, discordant = subtask.paired, subtask.paired.discordant
    correlation = paired.intraclass_correlation
    counts = ["-"] * 3
    if discordant is not None:
        counts = [str(discordant.only_a), str(discordant.only_b), p_value(discordant.mcnemar_p)]
    icc = "-" if correlation is None else f"{correlation:.2f}"
    bound = "<= " if paired.standard_error is None else ""
    return [subtask.subtask, icc, f"{bound}{percent(paired.detectable)}", p_value(paired.p_permutation), *counts]


def _sentence(subtask: SubtaskComparison, name_a: str, name_b: str) -> str:
    paired = subtask.paired
    p = f"p {'' if subtask.p_holm < 0.001 else '= '}{p_value(subtask.p_holm)} after Holm"
    if subtask.p_holm >= SIGNIFICANT:
        interval = f"{signed(paired.difference, 1)} points {signed_interval(paired.low, paired.high)}"
        bound = "at most " if paired.standard_error is None else ""
        power = (
            f"the smallest true difference that is found 4 times of 5, before Holm, is {bound}"
            f"{percent(paired.detectable)} points"
        )
        return f"{subtask.subtask}: no significant difference, {interval}, {p}; {power}."
    higher, lower, low, high = name_b, name_a, paired.low, paired.high
    if paired.difference < 0:
        higher, lower, low, high = name_a, name_b, -paired.high, -paired.low
    interval = signed_interval(low, high).replace("+", "")
    points = f"{percent(abs(paired.difference))} points higher than {lower} {interval}"
    return f"{subtask.subtask}: {higher} is {points}, {p}."


def _notes(comparison: Comparison) -> list[str]:
    a, b = comparison.a, comparison.b
    methods = {subtask.paired.interval for subtask in comparison.subtasks}
    units = " or ".join(dict.fromkeys(SHORT_UNITS[subtask.paired.unit] for subtask in comparison.subtasks))
    student = [f"{T}."] if "t" in methods else []
    score = [f"* {SCORE}."] if "score" in methods else []
    return [
        f"A: {a.folder} ({a.model}, {a.objective}, seed {a.seed}).",
        f"B: {b.folder} ({b.model}, {b.objective}, seed {b.seed}).",
        f"Percent, differences in points [95 % interval over {units}, for each subtask alone].",
        *student,
        *score,
        f"p: the two-sided test that matches the interval; Holm: corrected for {len(comparison.subtasks)} subtasks.",
        "These are two single runs: another training seed may change the difference; `reversal report --methods` "
        "compares methods over seeds.",
        f"{comparison.metric}: {comparison.definition}.",
    ]


def _rest_notes(comparison: Comparison) -> list[str]:
    bound = any(subtask.paired.standard_error is None for subtask in comparison.subtasks)
    bound_note = "; <=: an upper bound from the interval, since too little varies to estimate it" if bound else ""
    binary = any(subtask.paired.discordant for subtask in comparison.subtasks)
    mcnemar = "McNemar's exact test treats all rows as independent, also those of one entity."
    exact = all(subtask.paired.p_is_exact for subtask in comparison.subtasks)
    flips = "all sign flips" if exact else f"{FLIPS:,} random sign flips, since all are too many"
    return [
        "ICC: intraclass correlation of the differences of one entity's rows; 1: ten rows add nothing to one; -: not "
        "estimable.",
        "Detectable: the smallest true difference in points that a paired comparison with these numbers and "
        f"this spread finds with 80 % power at the two-sided 5 % level, before Holm{bound_note}.",
        f"p (permutation): paired permutation test over entities, two-sided, {flips}: it holds for "
        "these templates only.",
        *([mcnemar] if binary else []),
    ]


def _names(a: EvaluatedRun, b: EvaluatedRun) -> tuple[str, str]:
    """The shortest names that distinguish the two runs."""
    if a.experiment != b.experiment:
        return a.experiment, b.experiment
    if a.seed != b.seed:
        return f"{a.experiment} seed {a.seed}", f"{b.experiment} seed {b.seed}"
    return a.folder, b.folder


def _identity(run: EvaluatedRun) -> dict[str, str | int]:
    return {
        "run": run.folder,
        "experiment": run.experiment,
        "seed": run.seed,
        "model": run.model,
        "objective": run.objective,
        "digest": run.digest,
    }


def _record(subtask: SubtaskComparison) -> JsonObject:
    """The comparison of a subtask as a flat record."""
    paired = asdict(subtask.paired)
    discordant = paired.pop("discordant") or {"only_a": None, "only_b": None, "mcnemar_p": None}
    return {"subtask": subtask.subtask, **paired, "p_holm": subtask.p_holm, **discordant}
