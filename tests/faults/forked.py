"""Commands in forked processes, which are killed before an event or after a time, and the files they leave."""

import csv
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

WRITING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "shutil.rmtree"}
"""Audit events of Python that change the file system; `open` for writing is another. os.replace is a rename."""
TIMES = {"seconds", "wall_seconds", "started", "finished", "resumed"}
"""Fields that may differ between an undisturbed command and one that was killed and continued."""
IGNORED = {".lock"}
"""The lock stays, with the number of the last process."""
PATIENCE = 300
"""Seconds after which a command hangs."""


class Kill(NamedTuple):
    """When a process is killed: before its event of this number (from 1), or after so many seconds."""

    event: int | None = None
    seconds: float | None = None


NEVER = Kill()


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    """Negative: killed by that signal."""
    events: int
    """Events of the file system up to its end; 0 if it was killed."""
    seconds: float
    output: str


def run_forked(arguments: Sequence[str], folder: Path, log: Path, kill: Kill = NEVER) -> Ended:
    """Runs a command in `folder`, in a copy of this process, which should have imported what the command needs.

    log: a file outside of the folder for what it prints. This process must have no other threads.
    """
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_the_command(arguments, folder, log, kill.event)
    if kill.seconds is not None:
        time.sleep(kill.seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    events = int(lines[-1].removeprefix("events ")) if lines and lines[-1].startswith("events ") else 0
    return Ended(os.waitstatus_to_exitcode(status), events, time.monotonic() - started, text)


def _be_the_command(arguments: Sequence[str], folder: Path, log: Path, last_event: int | None) -> None:
    """What the child does; never returns."""
    code = 70
    try:
        os.chdir(folder)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        signal.alarm(PATIENCE)
        events = count_events(last_event)
        from reversal_cli.cli import main

        code = main(arguments)
        sys.stdout.flush()
        print(f"\nevents {len(events)}", flush=True)
    finally:
        sys.stderr.flush()
        os._exit(code)


def count_events(last: int | None) -> list[str]:
    """A list that grows with every event of the file system; before the last of them the process is killed."""
    events: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in WRITING or (event == "open" and _is_for_writing(*arguments[1:])):
            events.append(event)
            if len(events) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return events


def _is_for_writing(mode: str | None, flags: int) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR)) if mode is None else bool(set(mode) & set("wax+"))


def contents(folder: Path) -> dict[str, Any]:
    """Relative path -> content of every file: bytes, or JSON without times."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in IGNORED)
    return {str(path.relative_to(folder)): _content(path) for path in paths}


def _content(path: Path) -> Any:
    data = path.read_bytes()
    if path.suffix == ".json":
        return _without_times(json.loads(data))
    if path.suffix == ".jsonl":
        return [_without_times(json.loads(line)) for line in data.splitlines()]
    if path.suffix == ".csv":
        return [_without_times(row) for row in csv.DictReader(data.decode().splitlines())]
    return _without_minutes(data.decode()) if path.suffix == ".md" else data


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key not in TIMES}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def _without_minutes(text: str) -> str:
    """Markdown without the column of that name in its tables."""
    lines, column = [], None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if not line.startswith("|"):
            column = None
        elif column is None:
            column = cells.index("minutes") if "minutes" in cells else 0
        lines.append("|".join(cells[:column] + cells[column + 1 :]) if column else line)
    return "\n".join(lines)


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The files that are missing, new or others: `lost metrics.json`."""
    lost = [f"lost {name}" for name in expected if name not in found]
    new = [f"left {name}" for name in found if name not in expected]
    return lost + new + [f"other {name}" for name in expected if name in found and found[name] != expected[name]]
