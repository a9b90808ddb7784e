"""What keeps a report of hundreds of runs quick: nothing is read, computed or imported twice or in vain."""

import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest
from report_measures import add_curve, add_predictions, add_references
from report_runs import BICO, make_run

from reversal_cli import scoring
from reversal_cli.cli import main
from reversal_cli.files import reading
from reversal_cli.report import load_results
from reversal_cli.report.columns import NUMBERS, map_texts
from reversal_cli.report.plots import MOST_HEAT_MAPS
from reversal_cli.report.rows import estimates
from reversal_cli.scoring import definition

RUNS = MOST_HEAT_MAPS + 2


@pytest.fixture
def grid(tmp_path):
    """More runs than heat maps: only their predictions are read for the page alone."""
    for index in range(RUNS):
        run = make_run(tmp_path, f"grid/bico-{index}", "bico", BICO)
        add_references(run)
        add_curve(run, BICO)
        add_predictions(run, BICO, entities=2, templates=2)
    return tmp_path


@pytest.fixture
def reads(monkeypatch) -> Counter[str]:
    """Name of a file -> how often a file of that name was read."""
    counts: Counter[str] = Counter()
    read = reading.read_utf8

    def counted(path, *arguments):
        counts[path.name] += 1
        return read(path, *arguments)

    monkeypatch.setattr(reading, "read_utf8", counted)
    return counts


def test_a_page_reads_each_file_of_predictions_once(grid, reads):
    assert main(["report", str(grid), "--html", "--quiet"]) == 0
    assert reads["N2D.jsonl"] == reads["D2N-reverse.jsonl"] == RUNS


def test_plots_and_a_page_read_again_only_what_a_heat_map_shows(grid, reads):
    assert main(["report", str(grid), "--html", "--plots", "--quiet"]) == 0
    assert reads["N2D.jsonl"] == RUNS + MOST_HEAT_MAPS


def test_the_tables_alone_read_no_predictions_and_no_curve(grid, reads):
    assert main(["report", str(grid), "--quiet"]) == 0
    assert set(reads) == {"manifest.json", "metrics.json"}


def test_a_report_imports_neither_torch_nor_transformers_nor_without_plots_matplotlib(grid):
    code = (
        "import sys; from reversal_cli.cli import main; "
        f"assert main(['report', {str(grid)!r}, '--quiet', *sys.argv[1:]]) == 0; "
        "print(sorted({'torch', 'transformers', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    for flags, expected in ([], "[]"), (["--html"], "[]"), (["--plots"], "['matplotlib']"):
        done = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected


def test_the_version_of_sacrebleu_is_read_once(monkeypatch):
    packages = []
    monkeypatch.setattr(scoring, "version", lambda package: packages.append(package) or "9.9")
    scoring._sacrebleu_version.cache_clear()
    assert definition("bleu").endswith("version:9.9")
    assert definition("chrf").endswith("version:9.9")
    assert packages == ["sacrebleu"]
    scoring._sacrebleu_version.cache_clear()


def test_a_text_is_changed_once_per_column_and_numbers_stay(grid):
    frame = load_results([grid]).frame
    texts = []
    changed = map_texts(frame, lambda text: texts.append(text) or text.upper())
    assert list(changed["subtask"]) == [subtask.upper() for subtask in frame["subtask"]]
    assert len(texts) == sum(frame[name].nunique() for name in frame if name not in NUMBERS)
    pd.testing.assert_frame_equal(changed[[*NUMBERS]], frame[[*NUMBERS]])
    assert {name: str(frame[name].dtype) for name in NUMBERS} == NUMBERS


def test_estimates_are_those_of_the_lines_selected_one_by_one(grid):
    frame = load_results([grid]).frame
    of_runs = estimates(frame[frame["row"] == "run"], ["experiment", "seed"])
    assert len(of_runs) == RUNS
    for (experiment, seed), measured in of_runs.items():
        lines = frame[(frame["experiment"] == experiment) & (frame["seed"] == seed) & (frame["row"] == "run")]
        expected = {(line.subtask, line.metric): (line.value, line.low, line.high) for line in lines.itertuples()}
        assert measured == expected
