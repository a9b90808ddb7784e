"""The simulation behind the choice of interval, on a few samples, and the table that it printed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments/interval-coverage.py"
TABLE = ROOT / "results/published/interval-coverage.md"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("interval_coverage", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def coverage(cell: str) -> float:
    return float(cell.split()[0])


def test_where_templates_decide_only_intervals_over_templates_cover(simulation):
    line = simulation.one_run((30, 10), 0.5, ("small", "dominating"), simulation.METHODS, samples=60)
    assert coverage(line["both, chosen"]) > 90
    assert coverage(line["entities, bootstrap"]) < 60
    again = simulation.one_run((30, 10), 0.5, ("small", "dominating"), simulation.METHODS, samples=60)
    assert line == again


def test_the_difference_of_two_runs_is_covered_too(simulation):
    line = simulation.two_runs((30, 10), (0.3, 0.5), ("small", "dominating"), samples=60)
    assert coverage(line["`reversal compare`"]) > 88
    assert coverage(line["entities, bootstrap"]) < 65


def test_the_scores_have_the_mean_that_is_said(simulation):
    generator = simulation.np.random.default_rng(0)
    drawn = [simulation.draw_scores(generator, (40, 40), ("dominating", "small"), [0.1])[0].mean() for _ in range(300)]
    assert sum(drawn) / 300 == pytest.approx(0.1, abs=0.01)


def test_the_published_table_is_of_this_script_and_the_chosen_interval_covers_in_every_line(simulation):
    text = TABLE.read_text()
    assert f"`python experiments/{SCRIPT.name} --samples 2000` (seed {simulation.SEED})" in text
    assert simulation.MODEL in text
    one_run = text.split("## ")[1]
    assert all(f" {name} " in one_run for name in simulation.METHODS)
    lines = [[cell.strip() for cell in line.split("|")] for line in one_run.splitlines() if line.startswith("| 30")]
    assert len(lines) == len(simulation.SIZES) * len(simulation.MEANS) * len(simulation.EFFECTS) ** 2
    assert min(coverage(line[-2]) for line in lines) >= 93
    default = [coverage(line[-2]) for line in lines if line[1] == "30 x 20" and line[2] in ("0.1", "0.5", "0.9")]
    assert len(default) == 27
    assert 94 <= min(default) <= max(default) <= 96.5
    larger = [
        line.split("|")[-2].strip() for line in text.split("## ")[-1].splitlines() if line.startswith("| 100 x 20")
    ]
    assert len(larger) == 5 * len(simulation.EFFECTS) ** 2
    assert 92 <= min(map(coverage, larger)) <= max(map(coverage, larger)) <= 98
