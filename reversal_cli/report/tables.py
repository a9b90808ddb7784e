"""Tables of finished runs, as text; one per dataset, since numbers of different test files cannot be compared."""

from dataclasses import dataclass, field, replace

import pandas as pd

from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.errors import ReversalError, unknown_name
from reversal_cli.report.definitions import check_definitions
from reversal_cli.report.gaps import gap_rows
from reversal_cli.report.interval_methods import interval_units
from reversal_cli.report.methods_table import cost_columns, cost_notes, method_rows
from reversal_cli.report.metric_names import metric_title
from reversal_cli.report.notes import data_notes, notes_of, paths
from reversal_cli.report.references import FLOORS, REFERENCES, RUN
from reversal_cli.report.rows import GROUP, MISSING, Pair, cells, estimates, group_rows, heading, label_columns, percent
from reversal_cli.report.seed_rows import NOTES, NUMERIC, left_out_note, references, seed_rows
from reversal_cli.report.unmeasured import how_to_measure, unmeasured_notes
from reversal_cli.runs.records import StoredObjective
from reversal_cli.scoring import GAP, METRICS

DEFAULT_METRIC = "contains"
TEXT_METRICS = ("bleu", "bleu_char")
"""For descriptions, which can be worded in several ways."""
RANKING = ("rank_top1", "mrr")
RATES = ("shortcut", "wrong_entity", "multiple_choice")


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table as text."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str]
    """Sentences below the table."""
    numeric: list[str] = field(default_factory=list)
    """The columns that hold numbers."""
    main: bool = True
    """Whether a terminal shows it without --all."""
    of_methods: bool = False
    """Whether a terminal shows it with --methods."""

    @property
    def note(self) -> str:
        return " ".join(self.notes)


def accuracy_tables(
    frame: pd.DataFrame, metric: str = DEFAULT_METRIC, reference: str | None = None
) -> list[ReportTable]:
    """For each dataset: accuracy by `metric`, baselines and controls, ranking, log-probability gap, similarity of
    descriptions, and rates. Without tables that would be empty.

    reference: the experiment that others of its model are compared with over seeds; NTP if it is not given.
    Raises ReversalError for an unknown metric, for one that no run has, for an unknown reference, and if a column would
    mix definitions.
    """
    if metric not in METRICS:
        raise unknown_name("--metric", "metric", metric, METRICS)
    if not (frame["metric"] == metric).any():
        raise ReversalError(f"--metric {metric}: not measured in any of these runs; {how_to_measure(metric)}")
    experiment = None if reference is None else _find_experiment(frame, reference)
    several = frame["dataset"].nunique() > 1
    tables = []
    for dataset, part in frame.groupby("dataset", sort=False):
        check_definitions(part, [metric, *RANKING, GAP, *TEXT_METRICS, *RATES])
        runs = part[part["row"] == RUN]
        dataset_tables = [
            _accuracy(runs, metric),
            _references(part, metric),
            _by_metric(runs, "Ranking", RANKING, main=True),
            _gaps(runs),
            _similarity(runs),
            _by_metric(runs, "Wrong answers and multiple choice", RATES, main=False),
        ]
        suffix = f" on {paths(part)} ({dataset})" if several else ""
        tables += [_titled(table, suffix) for table in dataset_tables if table.rows]
    return tables + _method_tables(frame, metric, experiment)


def _find_experiment(frame: pd.DataFrame, name: str) -> str:
    """The trained experiment of this name, `ablations/bico`, or whose name ends so: `bico`.

    Raises ReversalError if there is none, or more than one.
    """
    pairs = frame[["experiment", "objective"]].drop_duplicates().itertuples()
    trained = list(dict.fromkeys(pair.experiment for pair in pairs if StoredObjective(name=pair.objective).trains))
    found = [full for full in trained if full == name] or [full for full in trained if full.rpartition("/")[2] == name]
    if not found:
        names = trained if "/" in name else {full.rpartition("/")[2] for full in trained}
        raise unknown_name("--reference", "trained experiment", name, names)
    if len(found) > 1:
        raise ReversalError(
            f"--reference {name}: {' and '.join(found)} are called so; expected one; give its whole name"
        )
    return found[0]


def _titled(table: ReportTable, suffix: str) -> ReportTable:
    return replace(table, title=table.title + suffix)


def _method_tables(frame: pd.DataFrame, metric: str, reference: str | None) -> list[ReportTable]:
    """For each benchmark: the methods with their costs, and their differences over seeds."""
    several = frame["benchmark"].nunique() > 1
    tables = []
    for benchmark, part in frame.groupby("benchmark", sort=False):
        check_definitions(part, [metric])
        # Seeds with a benchmark of their own are one method here.
        runs = part[part["row"] == RUN].assign(recipe=part["method"])
        suffix = f" on {paths(part)} ({benchmark})" if several else ""
        methods, differences = _methods(runs, metric), _over_seeds(runs, metric, reference)
        if reference is not None and not differences.rows:  # it was asked for
            note = f"No differences over seeds: no method has two seeds in common with {reference}."
            methods = replace(methods, notes=[*methods.notes, note])
        tables += [_titled(table, suffix) for table in (methods, differences) if table.rows]
    return tables


def _methods(runs: pd.DataFrame, metric: str) -> ReportTable:
    """Without rows if no run says what it cost."""
    labels, costs = label_columns(runs), cost_columns(runs)
    rows = method_rows(runs, metric, labels, costs) if costs else []
    numeric = ["seeds", *SUBTASKS, *costs.values()]
    notes = [*unmeasured_notes(runs, [metric]), *cost_notes(runs), *notes_of(runs, [metric], list(SUBTASKS))]
    title, columns = f"Methods ({metric})", [*map(heading, labels), *numeric]
    return ReportTable(title, columns, rows, notes, numeric, main=False, of_methods=True)


def _over_seeds(runs: pd.DataFrame, metric: str, reference: str | None) -> ReportTable:
    """Without rows if no two methods have two seeds in common."""
    labels = label_columns(runs)
    compared_with = references(runs, reference)
    names = [_reference_name(runs, group) for group in compared_with.values()]
    left_out = left_out_note(runs, metric, compared_with)
    notes = [f"Reference: {', '.join(names)}.", *left_out, *NOTES, *data_notes(runs, list(SUBTASKS))]
    columns = ["subtask", *map(heading, labels), *NUMERIC]
    rows = seed_rows(runs[runs["metric"] == metric], metric, labels, compared_with)
    title = f"Differences over seeds ({metric})"
    return ReportTable(title, columns, rows, notes, NUMERIC, main=False, of_methods=True)


def _reference_name(runs: pd.DataFrame, group: tuple[str, ...]) -> str:
    """`ntp (tiny-llama)`, with the objective and the recipe if the experiment has several on the model."""
    named = dict(zip(GROUP, group, strict=True))
    groups = runs[(runs["experiment"] == named["experiment"]) & (runs["model"] == named["model"])][GROUP]
    details = [named[column] for column in ("variant", "recipe") if groups[column].nunique() > 1]
    return f"{named['experiment']} ({', '.join([named['model'], *details])})"


def _accuracy(runs: pd.DataFrame, metric: str) -> ReportTable:
    pairs = [(subtask, metric) for subtask in SUBTASKS]
    return _run_table(runs, metric_title(metric), pairs, list(SUBTASKS), main=True)


def _similarity(runs: pd.DataFrame) -> ReportTable:
    pairs = [(subtask, name) for subtask in SUBTASKS if TARGETS[subtask] == "description" for name in TEXT_METRICS]
    columns = [f"{subtask} {name}" for subtask, name in pairs]
    return _run_table(runs, "Similarity of descriptions", pairs, columns, main=False)


def _run_table(runs: pd.DataFrame, title: str, pairs: list[Pair], numeric: list[str], main: bool) -> ReportTable:
    labels = label_columns(runs)
    metrics = list(dict.fromkeys(name for _, name in pairs))
    notes = [*unmeasured_notes(runs, metrics), *notes_of(runs, metrics, [subtask for subtask, _ in pairs])]
    columns = [*map(heading, labels), "seed", *numeric]
    return ReportTable(title, columns, group_rows(runs, pairs, labels), notes, ["seed", *numeric], main)


def _references(part: pd.DataFrame, metric: str) -> ReportTable:
    """The floors, then the controls of each run, in the columns of the accuracy table."""
    pairs = [(subtask, metric) for subtask in SUBTASKS]
    lines_beside = part[part["row"] != RUN]
    one_name_each = not part[GROUP].drop_duplicates()["experiment"].duplicated().any()
    labels = ["experiment"] if one_name_each else label_columns(part)
    rows = []
    order = list(REFERENCES)
    references = sorted(lines_beside["row"].unique(), key=lambda row: order.index(row) if row in REFERENCES else 99)
    for row in references:
        lines = lines_beside[lines_beside["row"] == row]
        name = REFERENCES[row][0] if row in REFERENCES else row
        if row in FLOORS:
            rows += [[name, *[""] * len(labels), "", *texts] for texts in _distinct(lines, pairs)]
        else:
            rows += [[name, *texts] for texts in group_rows(lines, pairs, labels)]
    shown = {row[0] for row in rows}
    meanings = [f"{name}: {what}." for name, what in REFERENCES.values() if name in shown]
    notes = [*meanings, *notes_of(lines_beside, [metric], list(SUBTASKS))] if rows else []
    numeric = list(SUBTASKS)
    columns = ["reference", *map(heading, labels), "seed", *numeric]
    return ReportTable(f"Baselines and controls ({metric})", columns, rows, notes, ["seed", *numeric])


def _distinct(lines: pd.DataFrame, pairs: list[Pair]) -> list[list[str]]:
    """The rows of a floor, once for all runs that have the same."""
    of_runs = (tuple(cells(measured, pairs)) for measured in estimates(lines, ["digest"]).values())
    return [list(texts) for texts in dict.fromkeys(of_runs) if set(texts) != {MISSING}]


def _by_metric(runs: pd.DataFrame, title: str, metrics: tuple[str, ...], main: bool) -> ReportTable:
    """The rows of one metric after the other, each after its chance level."""
    labels = label_columns(runs)
    present = [metric for metric in metrics if (runs["metric"] == metric).any()]
    rows = []
    for metric in present:
        pairs = [(subtask, metric) for subtask in SUBTASKS]
        chances = [_chance_cell(runs, pair) for pair in pairs]
        if set(chances) != {MISSING}:
            rows.append([metric, "chance", *[""] * (len(labels) - 1), "", *chances])
        rows += [[metric, *row] for row in group_rows(runs, pairs, labels)]
    notes = [*unmeasured_notes(runs, present), *notes_of(runs, present, list(SUBTASKS))]
    columns = ["metric", *map(heading, labels), "seed", *SUBTASKS]
    return ReportTable(title, columns, rows, notes, ["seed", *SUBTASKS], main)


def _chance_cell(runs: pd.DataFrame, pair: Pair) -> str:
    of_pair = runs[(runs["subtask"] == pair[0]) & (runs["metric"] == pair[1])]["chance"].dropna().unique()
    return percent(of_pair[0]) if len(of_pair) == 1 else MISSING


def _gaps(runs: pd.DataFrame) -> ReportTable:
    labels, gaps = label_columns(runs), runs[runs["metric"] == GAP]
    numeric = ["gap in nats", "t", "p (paired t)", "p (KS)"]
    notes = [
        "Log-probability of the target minus that of another entity's, mean over prompts, with a 95 % interval over "
        f"{interval_units(gaps)}.",
        "Over entities: paired t test and Kolmogorov-Smirnov test of their means.",
        "Rows, as published: the same tests as if the prompts of an entity were independent, which makes p too small.",
        *data_notes(runs, list(SUBTASKS)),
    ]
    columns = [*map(heading, labels), "seed", "subtask", "over", *numeric]
    return ReportTable("Log-probability gap", columns, gap_rows(runs, labels), notes, ["seed", *numeric], main=False)
