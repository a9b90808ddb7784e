"""The end of several processes: a failure of one ends all of them, with one line and one exit code.

A process that waits for another in a collective operation cannot be told there, so a thread of each looks for the end
in the launcher's store, which all of them see.
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

from rich.console import Console

from reversal_cli.console import print_line
from reversal_cli.processes.place import Place

if TYPE_CHECKING:
    from torch.distributed import Store

EndAll = Callable[[int, str], None]
"""Called with the exit code of all processes, and the line that the first prints; "" is not printed."""
END, READY = "end", "ready"
STORE_LOST = 1
"""Exit code of a process whose launcher is gone."""
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_END = 20.0
"""For the other processes to be ready to end."""


@contextlib.contextmanager
def watched(here: Place) -> Iterator[EndAll]:
    """Inside, the callable ends every process, whatever it is waiting for."""
    store = _open_store()
    over = threading.Event()
    threading.Thread(target=_watch, args=(store, here, over), daemon=True).start()

    def end_all(code: int, line: str) -> None:
        with contextlib.suppress(RuntimeError):  # the store is gone: the others end by themselves
            store.compare_set(END, "", json.dumps([code, line]))  # of two failures the first counts
            time.sleep(2 * SECONDS_TO_END)
        _end(code, line)

    yield end_all
    over.set()


def _open_store() -> "Store":
    """A connection of its own to the launcher's store: one that is waited on is of no use to another thread."""
    from torch.distributed import PrefixStore, TCPStore

    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=SECONDS_TO_END))
    # A launcher that starts the processes again keeps its store.
    return PrefixStore(f"reversal/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _watch(store: "Store", here: Place, over: threading.Event) -> None:
    """Ends this process when one has failed, after the first has printed the line, or when the store is gone."""
    try:
        while not store.check([END]):
            if over.wait(SECONDS_BETWEEN_LOOKS):
                return
        code, line = json.loads(store.get(END))
        if here.rank == 0 and line:
            _print(line)
        store.add(READY, 1)
        limit = time.monotonic() + SECONDS_TO_END
        while store.add(READY, 0) < here.processes and time.monotonic() < limit:
            time.sleep(SECONDS_BETWEEN_LOOKS / 2)
    except RuntimeError:
        if over.wait(SECONDS_TO_END):  # at the end of the command the process that holds it may be the first to go
            return
        code, line = STORE_LOST, ""
    _end(code)


def _end(code: int, line: str = "") -> None:
    """Ends this process: its main thread may be waiting in a collective operation, where no exception reaches it."""
    if line:
        _print(line)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _print(line: str) -> None:
    Console(stderr=True).show_cursor(True)  # which a progress bar has hidden
    print_line(line)
