import os

import pytest
from dataset_rows import SMALL

from reversal_cli.data.name_description import generate, write_corpus
from reversal_cli.data.name_description.folder import read_card
from reversal_cli.errors import ReversalError


def test_an_existing_dataset_is_kept_unless_overwritten(folder):
    before = (folder / "all.jsonl").read_bytes()
    with pytest.raises(ReversalError, match=r"is not empty; .* --overwrite"):
        generate(SMALL.model_copy(update={"seed": 1}), folder)
    assert (folder / "all.jsonl").read_bytes() == before
    generate(SMALL.model_copy(update={"seed": 1}), folder, overwrite=True)
    assert (folder / "all.jsonl").read_bytes() != before


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "dataset").mkdir()
    assert (generate(SMALL, tmp_path / "dataset") / "dataset.json").is_file()


def test_missing_parent_folders_are_made(tmp_path):
    assert (generate(SMALL, tmp_path / "a/b/dataset") / "all.jsonl").is_file()


def test_a_folder_that_is_no_dataset_is_never_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ReversalError, match=r"holds 'thesis.txt', which is not part of a generated dataset"):
        generate(SMALL, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_dataset_with_a_foreign_file_in_it_is_never_overwritten(folder):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ReversalError, match=r"notes.txt"):
        generate(SMALL, folder, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_damaged_card_is_named(folder):
    (folder / "dataset.json").write_text("{")
    with pytest.raises(ReversalError, match=r"dataset.json: broken JSON"):
        generate(SMALL, folder, overwrite=True)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "dataset").write_text("a file")
    with pytest.raises(ReversalError, match="is not a plain folder"):
        generate(SMALL, tmp_path / "dataset")


@pytest.mark.parametrize("folder", [".", "..", "/"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_the_current_folder_is_never_replaced(folder, overwrite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReversalError, match=r"is the current folder, or holds it; expected a new one"):
        generate(SMALL, folder, overwrite)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_beside_the_dataset(folder):
    generate(SMALL, folder, overwrite=True)
    write_corpus(folder.parent / "corpus", people=2, sentences=2)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["corpus", "dataset"]


def test_a_failed_write_leaves_no_trace(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reversal_cli.data.name_description.folder.put_in_place", full)
    with pytest.raises(ReversalError, match=r"cannot be written \(No space left on device\)"):
        generate(SMALL, tmp_path / "dataset")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_has_the_usual_permissions(folder):
    mask = os.umask(0)
    os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "broken JSON .nested more than 40 levels"),
        (b'{"sha256": ' + b"9" * 5000 + b"}", "broken JSON .a whole number beyond"),
        (b'\xff\xfe{"sha256"', "byte 0 is not UTF-8"),
        (b'{"sha256": {}, ', "broken JSON"),
        (b"[]", "found a list"),
        (b"{}", "lacks 'sha256'; expected a value"),
        (b'{"sha256": {}, "options": 3}', "options is 3; expected a table"),
    ],
)
def test_a_card_that_is_none_is_one_line(folder, content, found):
    (folder / "dataset.json").write_bytes(content)
    with pytest.raises(ReversalError, match=rf"dataset.json: {found}.*; .*generate it again"):
        read_card(folder)
