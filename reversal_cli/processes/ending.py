"""The end of several processes: a failure of one ends all of them, with one line and one exit code.

A process that waits for another in a collective operation cannot be told there, so a thread of each looks for the end
on a board that all of them share.
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from reversal_cli.console import print_line
from reversal_cli.processes.place import Place

if TYPE_CHECKING:
    from torch.distributed import Store

EndAll = Callable[[int, str], None]
"""Called with the exit code of all processes, and the line that the first prints; "" is not printed."""
END, READY = "end", "ready"
LOOKS_EVERY = 0.1
"""Seconds between two looks at the board."""
WAITS_AT_MOST = 20.0
"""Seconds for the other processes to be ready to end."""


@contextlib.contextmanager
def watched(here: Place) -> Iterator[EndAll]:
    """Inside, the callable ends every process, whatever it is waiting for. It returns only if that fails."""
    board = _open_board()
    left = threading.Event()
    threading.Thread(target=_watch, args=(board, here, left), daemon=True).start()

    def end_all(code: int, line: str) -> None:
        with contextlib.suppress(RuntimeError):  # the process that holds the board is gone
            board.compare_set(END, "", json.dumps([code, line]))  # of two failures the first counts
            time.sleep(2 * WAITS_AT_MOST)

    yield end_all
    left.set()


def _open_board() -> "Store":
    """A connection of its own to the launcher's store: one that is waited on is of no use to another thread."""
    from torch.distributed import PrefixStore, TCPStore

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=WAITS_AT_MOST))
    # A launcher that starts the processes again keeps its store.
    return PrefixStore(f"reversal/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _watch(board: "Store", here: Place, left: threading.Event) -> None:
    """Ends this process when one of them has failed, after the first has printed the line."""
    code = None
    with contextlib.suppress(RuntimeError):  # the process that holds the board is gone
        while not board.check([END]):
            if left.wait(LOOKS_EVERY):
                return
        code, line = json.loads(board.get(END))
        if here.rank == 0 and line:
            print_line(line)
        board.add(READY, 1)
        limit = time.monotonic() + WAITS_AT_MOST
        while board.add(READY, 0) < here.processes and time.monotonic() < limit:
            time.sleep(LOOKS_EVERY / 2)
    if code is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)  # its main thread may be waiting in a collective operation, where no exception reaches it
