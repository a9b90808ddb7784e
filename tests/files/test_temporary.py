"""What a killed process was writing is removed by the next one that writes there."""

import os
import platform
import subprocess
import sys

from reversal_cli.files.temporary import temporary_path
from reversal_cli.files.writing import write_text


def of_process(name: str, number: int, machine: str | None = None) -> str:
    return f".{name}.{machine or platform.node()}-{number}.tmp"


def test_names_of_killed_processes_of_this_machine_are_removed_and_no_others(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept = [
        of_process("x.json", os.getpid()),
        of_process("x.json", os.getppid()),
        of_process("x.json", ended.pid, "another-machine"),
        of_process("y.json", ended.pid),
        of_process("x.json", ended.pid).replace(".tmp", "x.tmp"),
    ]
    for name in [*kept, of_process("x.json", ended.pid)]:
        (tmp_path / name).write_text("half")
    assert temporary_path(tmp_path / "x.json") == tmp_path / kept[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_folder_that_was_left_behind_is_removed_too(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / of_process("data", ended.pid)
    left.mkdir()
    (left / "half").write_text("")
    temporary_path(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_no_pattern(tmp_path):
    write_text(tmp_path / "[a-z]*.md", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["[a-z]*.md"]
