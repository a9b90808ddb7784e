"""What a launcher starts in each process: the command lines of a JSON list, one after another.

Among them may stand `["stop", "10", "0", "interrupt"]`: in its tenth step the next training is interrupted in process
0, or fails there with a mistake, `"mistake"`; or process 0 gets SIGTERM, `"terminate"`, after which the commands go on.
"""

import json
import os
import signal
import sys

from reversal_cli.cli import _run
from reversal_cli.errors import ReversalError
from reversal_cli.processes.place import place
from reversal_cli.processes.together import joined

ENDED_BY_SIGTERM = 143


def stop_in(step: int, rank: int, how: str) -> None:
    from reversal_cli.training.callbacks import Reporter

    take_step = Reporter.on_step_end

    def on_step_end(self, args, state, control, **options) -> None:
        if state.global_step == step and place().rank == rank:
            if how == "terminate":
                Reporter.on_step_end = take_step
                os.kill(os.getpid(), signal.SIGTERM)
                return
            raise KeyboardInterrupt if how == "interrupt" else ReversalError(f"process {rank}: a mistake")
        take_step(self, args, state, control, **options)

    Reporter.on_step_end = on_step_end


def main(commands: list[list[str]]) -> None:
    with joined() as end_all:
        for command in commands:
            if command[0] == "stop":
                stop_in(int(command[1]), int(command[2]), command[3])
                continue
            code, line = _run(command)
            if code and code != ENDED_BY_SIGTERM:
                end_all(code, line)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
