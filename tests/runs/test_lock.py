"""The lock of a run directory, where it is held and where there is none to be had."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.runs.lock import locked


def failing(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_only_one_process_holds_the_lock(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(ReversalError, match=rf"another process \(pid {os.getpid()}\)"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_worked_on_with_a_warning(tmp_path, monkeypatch, number):
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with pytest.warns(UserWarning, match="this file system does not support locks"), locked(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()


def test_another_failure_is_not_another_process(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", failing(errno.EIO))
    with pytest.raises(ReversalError, match=r"cannot be locked \(Input/output error\)"), locked(tmp_path):
        pass


def test_a_full_disk_is_told_as_such_and_not_as_its_own_cause(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", failing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left") as caught, locked(tmp_path):
        pass
    assert caught.value.__cause__ is None


def test_a_symbolic_link_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(precious)
    with pytest.raises(ReversalError, match=r"\.lock: is a symbolic link; .*; remove"), locked(tmp_path / "run"):
        pass
    assert precious.read_text() == "mine"


def test_a_pipe_is_no_lock(tmp_path):
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(ReversalError, match=r"\.lock: is not a regular file"), locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
@pytest.mark.parametrize("step", ["mkdir", "open"])
def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path, monkeypatch, number, step):
    monkeypatch.setattr(*{"mkdir": (Path, "mkdir"), "open": (os, "open")}[step], failing(number))
    with pytest.raises(ReversalError, match=r"cannot be written to \(.*\); expected a folder"), locked(tmp_path):
        pass
