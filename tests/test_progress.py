"""Progress: every stage has a bar or lines of its own, with its own pace; the numbers are never cut."""

import io
import re

import pytest
from rich.console import Console

from reversal_cli.console import Terminal
from reversal_cli.progress import (
    PlainProgress,
    bar_display,
    bar_of_all,
    bar_stages,
    clock_time,
    plain_stages,
    sum_of_parts,
)
from reversal_cli.run_clock import RunClock


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def progress_lines(total: int, seconds_per_step: float, first: int = 1) -> list[str]:
    lines: list[str] = []
    clock = Clock()
    advance = PlainProgress("finetune tiny-llama bico", "step", lines.append, clock)
    for step in range(first, total + 1):
        clock.now += seconds_per_step
        advance(step, total, loss=1.234)
    return lines


def test_plain_progress_is_a_line_per_tenth():
    lines = progress_lines(1000, 0.2)
    assert len(lines) == 10
    assert lines[2] == "finetune tiny-llama bico: step 300/1000 (30 %), loss 1.23, 2:20 left"
    assert lines[-1] == "finetune tiny-llama bico: step 1000/1000 (100 %), loss 1.23"


def test_plain_progress_is_a_line_a_minute_when_a_tenth_takes_hours():
    assert len(progress_lines(100, 30.0)) == 50


def test_plain_progress_is_one_line_when_the_work_is_short():
    assert len(progress_lines(100, 0.01)) == 1


def test_plain_progress_says_once_that_the_steps_are_done_whatever_follows_them():
    lines: list[str] = []
    clock = Clock()
    advance = PlainProgress("x", "step", lines.append, clock)
    for done in range(7):
        clock.now += 9.0
        advance(1, 1, eval=f"epoch 1: {done}/6 prompts")
    assert lines == ["x: step 1/1 (100 %), eval epoch 1: 0/6 prompts"]
    clock.now += 60.0
    advance(1, 1, eval="epoch 1: 6/6 prompts")
    assert lines[1:] == ["x: step 1/1 (100 %), eval epoch 1: 6/6 prompts"]


def test_the_time_left_of_a_resumed_run_does_not_count_the_steps_before():
    assert progress_lines(1000, 1.0, first=501)[0].endswith("step 560/1000 (56 %), loss 1.23, 7:20 left")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (42.4, "0:42"), (725, "12:05"), (3723, "1:02:03")])
def test_clock_time(seconds, text):
    assert clock_time(seconds) == text


def test_a_stage_has_its_own_pace_whatever_stands_between_its_steps():
    """Generation takes a second a prompt and ranking ten; loading before, and a minute between them, count for none."""
    lines: list[str] = []
    clock = Clock()
    advance = plain_stages("eval", "prompt", lines.append, clock)
    advance(0, stage="loading")
    for done, seconds in enumerate((0, 100, *[1] * 19)):
        clock.now += seconds
        advance(done, 40, stage="generation")
    clock.now += 60
    for done in range(20):
        advance(done, 40, stage="ranking")
        clock.now += 10
    clock.now += 60
    advance(20, 40, stage="generation")
    clock.now += 1
    advance(21, 40, stage="generation")
    assert [line for line in lines if line.startswith("eval generation")][-1].endswith("0:20 left")
    assert [line for line in lines if line.startswith("eval ranking")][-1].endswith("16/40 (40 %), 4:00 left")


def test_stages_advance_by_all_of_their_parts():
    calls = []
    on_progress = sum_of_parts(lambda *done, **fields: calls.append((*done, *fields.values())), {"generation": 20})
    for part, done in (("N2D", 0), ("N2D", 10), ("D2N", 0), ("D2N", 5)):
        on_progress("generation", part, done)
    assert [call[0] for call in calls] == [0, 10, 10, 15]
    assert calls[-1] == (15, 20, "generation", "D2N")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_bar_never_cuts_the_total_or_the_time_left(width):
    clock = Clock()
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    description = "12/20 eval a-model-with-a-long-name bico"
    with bar_display(console) as display, bar_stages(display, description, clock) as advance:
        for done in (0, 100, 200):
            clock.now += 60
            advance(done, 12000, stage="ranking", part="both-directions/N2D-reverse", loss=0.1234)
    last = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", console.file.getvalue()).replace("\r", "\n")
    (line,) = {line.rstrip() for line in last.splitlines() if " left" in line}
    assert "200/12000" in line.replace(" ", "")
    assert line.endswith("1:58:00 left")
    assert len(line) <= width


def test_a_bar_says_that_it_is_loading_until_the_first_step():
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    with bar_display(console) as display, bar_stages(display, "finetune tiny-llama bico") as advance:
        advance(1, 10, loss=float("nan"))
    assert "finetune tiny-llama bico loading" in console.file.getvalue()


def test_runs_that_share_a_display_have_one_bar_each_below_that_of_all():
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    with bar_display(console) as display, bar_of_all(display, 3) as update:
        with bar_stages(display, "run 1", shared=True) as first, bar_stages(display, "run 2", shared=True) as second:
            first(1, 10, stage="generation")
            first(2, 20, stage="ranking")
            second(3, 30)
            assert [task.description for task in display.tasks if task.visible] == [
                "all runs",
                "run 1 ranking",
                "run 2",
            ]
        update(2, 90.0)
        (task,) = display.tasks
        assert (task.completed, task.total, task.fields["left"]) == (2, 3, "1:30 left")


def test_the_time_of_all_runs_is_told_when_a_run_of_each_kind_was_made():
    clock = Clock()
    runs = RunClock(["untrained", "bico", None, "bico", "bico"], clock=clock)
    told = []
    for seconds in (5, 60, 1, 80, 0):
        number = runs.begin()
        told.append((number, runs.seconds_left()))
        clock.now += seconds
        runs.finish(number)
    assert told == [(1, None), (2, None), (3, 120), (4, 120), (5, 70)]


def test_the_time_of_a_kind_that_has_not_finished_is_told_by_its_epochs():
    clock = Clock()
    runs = RunClock(["untrained", "ntp", "bico", "abi"], [0, 4, 14, 20], clock=clock)
    told = []
    for seconds in (5, 60, 140, 0):
        number = runs.begin()
        told.append(runs.seconds_left())
        clock.now += seconds
        runs.finish(number)
    assert told == [None, None, (14 + 20) * 15, 20 * (15 + 10) / 2]


def test_the_time_of_all_runs_with_several_workers_is_that_of_the_last_to_end():
    clock = Clock()
    runs = RunClock(["bico"] * 6, workers=2, clock=clock)
    runs.begin(), runs.begin()
    clock.now += 10
    runs.finish(2)
    assert (runs.finished, runs.begin()) == (1, 3)
    clock.now += 4
    # Of 10 seconds each: run 1 should have ended, run 3 has 6 left; then 4 and 5 begin at once and after 6, 6 after 10.
    assert runs.seconds_left() == 20
    runs.finish(3, failed=True)
    assert (runs.finished, runs.seconds_left()) == (2, 20)


def test_runs_may_begin_in_another_order():
    clock = Clock()
    runs = RunClock(["untrained", "bico", "bico"], [0, 1, 1], workers=2, clock=clock)
    assert (runs.begin(2), runs.begin(0)) == (1, 2)
    clock.now += 10
    runs.finish(2)
    clock.now += 50
    runs.finish(1)
    assert (runs.finished, runs.seconds_left()) == (2, 60)
    assert (runs.begin(), runs.number) == (3, 3)


def test_a_run_says_which_of_how_many_it_is_and_its_lines_too(capsys):
    terminal = Terminal()
    clock = Clock()
    runs = RunClock(["bico", "bico"], clock=clock)
    runs.begin()
    terminal.begin_run("quick/bico seed 0", runs)
    clock.now += 90
    runs.finish(1)
    runs.begin()
    terminal.begin_run("quick/bico seed 1", runs)
    with terminal.progress("finetune tiny-llama bico") as advance:
        advance(1, 1)
    assert capsys.readouterr().err.splitlines() == [
        "run 1 of 2: quick/bico seed 0",
        "run 2 of 2: quick/bico seed 1; about 1:30 left for all runs",
        "2/2 finetune tiny-llama bico: step 1/1 (100 %)",
    ]


def test_quiet_shows_no_progress(capsys):
    terminal = Terminal(quiet=True)
    terminal.begin_run("x", RunClock(["x"]))
    with terminal.progress("x") as advance:
        advance(1, 1, stage="generation", part="N2D")
    assert "".join(capsys.readouterr()) == ""
