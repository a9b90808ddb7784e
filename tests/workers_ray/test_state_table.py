"""The table of the runs of a cluster."""

import io

from rich.console import Console

from reversal_cli.workers.state_table import RunState, state_table


def printed(runs: list[RunState], seconds_left: float | None, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=120)
    console.print(state_table(runs, seconds_left, height))
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_each_run_has_a_row_and_the_last_line_counts_the_states():
    runs = [RunState("x seed 0", "done"), RunState("x seed 1", "running", "a-node"), RunState("x\x1b seed 2")]
    with runs[1].progress("finetune tiny-llama bico", "step") as advance:
        advance(3, 10, stage="generation", part="N2D", loss=0.5)
        assert printed(runs, 90.0, 40) == [
            "run state node stage progress left",
            "x seed 0 done",
            "x seed 1 running a-node finetune tiny-llama bico generation N2D 3/10",
            r"x\x1b seed 2 waiting",
            "3 runs, 1 running, 1 waiting, 1 done, about 1:30 left",
        ]
    assert printed(runs, None, 40)[2] == "x seed 1 running a-node"
    assert printed(runs[:1], None, 40)[-1] == "1 run, 1 done"


def test_on_a_low_terminal_the_runs_that_wait_and_those_that_are_done_leave_room_for_the_others():
    runs = [RunState(str(number)) for number in range(20)]
    runs[3].state, runs[7].state, runs[9].state = "done", "running", "failed"
    lines = printed(runs, None, 8)
    assert lines[:-1] == [
        "run state node stage progress left",
        "7 running",
        "9 failed",
        *(f"{n} waiting" for n in (0, 1, 2)),
    ]
    assert lines[-1] == "20 runs, 1 running, 1 failed, 17 waiting, 1 done"
