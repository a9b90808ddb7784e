"""How long an evaluation will take."""

from collections.abc import Iterator, Sequence

import pytest
from raw_records import raw_prediction, write_raw_predictions

from reversal_cli.data.base import SUBTASKS, TARGETS, Example, Splits, Subtask
from reversal_cli.evaluation.estimate import Pending, estimate_line, pending
from reversal_cli.runs.directory import RunDirectory


class SlowModel:
    """Takes `prompt` seconds for a completion and `ranking` for a ranking, on a clock of its own."""

    def __init__(self, prompt: float, ranking: float):
        self.prompt, self.ranking, self.now = prompt, ranking, 0.0

    def complete(self, prompts: Sequence[str]) -> Iterator[list]:
        self.now += self.prompt * len(prompts)
        yield []

    def measure(self, subtask: str, rows: Sequence[int]) -> Iterator[list]:
        self.now += self.ranking * len(rows)
        yield []

    def line(self, work: Pending) -> str:
        return estimate_line(work, self.complete, self.measure, lambda: self.now)


PROMPTS = [f"prompt {number}" for number in range(2400)]


@pytest.mark.parametrize(
    ("prompt", "ranking", "rows", "line"),
    [
        (0.1, 0.5, 0, "2400 prompts, about 4 min"),
        (0.1, 1.5, 600, "2400 prompts, about 4 min; 1200 rankings, about 30 min (--no-likelihood leaves them out)"),
        (
            3.0,
            6.5,
            600,
            "2400 prompts, about 2 h 0 min; 1200 rankings, about 2 h 10 min (--no-likelihood leaves them out)",
        ),
        (0.01, 0.01, 600, ""),  # less than a minute
    ],
)
def test_the_estimate_is_that_of_all_prompts_and_rankings(prompt, ranking, rows, line):
    work = Pending(PROMPTS, {"N2D": list(range(rows)), "D2N": list(range(rows))})
    assert SlowModel(prompt, ranking).line(work) == line


def test_only_rankings_may_be_left():
    work = Pending([], {"N2D": list(range(100))})
    assert SlowModel(1.0, 3.0).line(work) == "100 rankings, about 5 min (--no-likelihood leaves them out)"


def test_an_evaluation_with_nothing_left_asks_the_model_nothing():
    model = SlowModel(1000.0, 1000.0)
    assert model.line(Pending([], {"N2D": []})) == ""
    assert model.now == 0.0


def test_what_is_on_disk_is_not_pending(tmp_path):
    run = RunDirectory(tmp_path)
    examples = tuple(Example(f"prompt {row}", " a", f"e-{row}", "t0") for row in range(4))
    splits = Splits((), {name: Subtask(name, TARGETS[name], examples) for name in SUBTASKS}, {})
    stored = [raw_prediction(f"N2D/{row}", prompt=f"prompt {row}") for row in (0, 2)]
    write_raw_predictions(run, "N2D", stored)
    work = pending(run, splits, {}, likelihood=True)
    assert work.prompts == ["prompt 1", "prompt 3"] + ["prompt 0", "prompt 1", "prompt 2", "prompt 3"] * 3
    assert work.questions == {name: [0, 1, 2, 3] for name in SUBTASKS}
    assert pending(run, splits, {}, likelihood=False).questions == {name: [] for name in SUBTASKS}
