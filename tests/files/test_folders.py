"""Folders that are whole or absent, and that a group can read."""

import os
import stat
from pathlib import Path

import pytest

from reversal_cli.files.folders import save_folder


def save_one(text: str):
    def save(folder: Path) -> None:
        folder.mkdir()
        (folder / "file").write_text(text)

    return save


def fail_half_way(folder: Path) -> None:
    folder.mkdir()
    (folder / "half").write_text("")
    raise OSError("disk full")


@pytest.fixture
def umask():
    """Sets the umask of one test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_that_a_library_kept_to_their_owner_get_the_modes_of_the_umask(tmp_path, umask, mask, mode):
    umask(mask)

    def save(folder: Path) -> None:
        (folder / "below").mkdir(parents=True)
        for path in (folder / "weights", folder / "below" / "weights"):
            path.write_text("")
            path.chmod(0o600)

    save_folder(tmp_path / "model", save)
    for path in (tmp_path / "model" / "weights", tmp_path / "model" / "below" / "weights"):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_failed_save_leaves_the_old_folder_and_no_other(tmp_path):
    save_folder(tmp_path / "model", save_one("old"))
    with pytest.raises(OSError, match="disk full"):
        save_folder(tmp_path / "model", fail_half_way)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "file").read_text() == "old"


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    save_folder(tmp_path / "model", save_one("old"))
    replace = Path.replace

    def refuse_the_new_one(self: Path, target: Path) -> Path:
        if self.name == ".model.tmp":
            raise OSError("disk full")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse_the_new_one)
    with pytest.raises(OSError, match="disk full"):
        save_folder(tmp_path / "model", save_one("new"))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "file").read_text() == "old"


@pytest.mark.parametrize("there", [True, False], ids=["after", "between"])
def test_a_replacement_that_was_cut_off_leaves_nothing_behind(tmp_path, there):
    """After the second rename, or between the two."""
    save_folder(tmp_path / ".model.previous", save_one("old"))
    if there:
        save_folder(tmp_path / "model", save_one("old"))
    save_folder(tmp_path / "model", save_one("new"))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "file").read_text() == "new"
