"""Intervals that were made in different ways: each is named, and a mix has a note."""

from pathlib import Path

import pytest
from report_measures import change_metrics
from report_runs import make_results

from reversal_cli.data.base import SUBTASKS
from reversal_cli.files.reading import read_json
from reversal_cli.report import ReportTable, accuracy_tables, load_results
from reversal_cli.runs.directory import RunDirectory
from reversal_cli.statistics.estimate import method


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return make_results(tmp_path)


def run_of(results: Path, experiment: str) -> RunDirectory:
    return RunDirectory(results / experiment / "seed-0")


def accuracy(results: Path) -> ReportTable:
    return accuracy_tables(load_results([results]).frame)[0]


def test_runs_whose_intervals_were_made_in_different_ways_stand_together_with_a_note(results):
    """An older run says neither what its intervals are over nor how many templates there were."""
    assert not [note for note in load_results([results]).notes if "intervals" in note]
    older, alone = (read_json(run_of(results, name).metrics_path)["subtasks"] for name in ("ntp", "bico"))
    for name in SUBTASKS:
        del older[name]["intervals"], older[name]["templates"]
        alone[name]["intervals"] = "entities"
    change_metrics(run_of(results, "ntp"), subtasks=older)
    change_metrics(run_of(results, "bico"), subtasks=alone)
    loaded = load_results([results])
    (caution,) = [note for note in loaded.notes if "intervals" in note]
    assert caution.endswith(
        ": intervals are over entities and templates in untrained seed 0, bico seed 1; "
        "what an earlier version chose in ntp seed 0; entities in bico seed 0; `reversal eval RUN` makes them alike"
    )
    note = accuracy(results).note
    for way in (
        method("entities-and-templates"),
        method("entities"),
        "by the method of an earlier version; `reversal eval RUN` makes it anew",
    ):
        assert way in note
    assert "300 prompts: 30 entities x 10 templates per subtask" in note
    assert set(loaded.frame["intervals"]) == {"", "entities", "entities-and-templates"}


def test_tables_of_older_runs_alone_say_so_and_need_no_number_of_templates(results):
    for name in ("ntp/seed-0", "bico/seed-0", "bico/seed-1", "untrained/seed-0"):
        subtasks = read_json(results / name / "metrics.json")["subtasks"]
        for subtask in subtasks.values():
            del subtask["intervals"], subtask["templates"]
        change_metrics(RunDirectory(results / name), subtasks=subtasks)
    note = accuracy(results).note
    assert "95 % interval by the method of an earlier version; `reversal eval RUN` makes it anew" in note
    assert "300 prompts about 30 entities per subtask" in note
