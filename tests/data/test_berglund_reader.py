import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dataset_rows import entity_count, read_rows

from reversal_cli.data import DATASETS
from reversal_cli.data.audit.folder import audit
from reversal_cli.data.base import SUBTASKS, TARGETS
from reversal_cli.data.berglund import load_folder, load_rows
from reversal_cli.data.name_description import write_corpus
from reversal_cli.errors import ReversalError

D2N_FILE = "d2p_prompts_test.jsonl"
ROOT = Path(__file__).resolve().parents[2]
TRAIN_FILE = "all_prompts_train.jsonl"


def test_a_generated_folder_is_read_row_by_row_in_file_order(folder):
    splits = load_folder(folder)
    rows = read_rows(folder / TRAIN_FILE)
    assert [example.text for example in splits.train] == [row["prompt"] + row["completion"] for row in rows]
    assert [(example.entity_id, example.group) for example in splits.train] == [
        (row["entity_id"], row["group"]) for row in rows
    ]
    assert list(splits.subtasks) == list(SUBTASKS)
    assert {name: subtask.target for name, subtask in splits.subtasks.items()} == TARGETS
    assert {(len(subtask.examples), entity_count(subtask)) for subtask in splits.subtasks.values()} == {(6, 3)}
    assert set(splits.sha256) == {
        TRAIN_FILE,
        "both_prompts_test.jsonl",
        *(f"{stem}.jsonl" for stem in SUBTASKS.values()),
    }


def test_validation_prompts_are_read_where_the_folder_has_them_and_are_not_part_of_what_makes_data_the_same(folder):
    splits = load_folder(folder)
    assert list(splits.validation) == list(SUBTASKS)
    assert {(len(subtask.examples), entity_count(subtask)) for subtask in splits.validation.values()} == {(15, 3)}
    assert {name: subtask.target for name, subtask in splits.validation.items()} == TARGETS
    for path in folder.glob("*_prompts_validation.jsonl"):
        path.unlink()
    older = load_folder(folder)
    assert older.validation == {}
    assert (older.sha256, older.train, older.subtasks) == (splits.sha256, splits.train, splits.subtasks)


def test_validation_prompts_come_all_or_none(folder):
    (folder / "d2p_prompts_validation.jsonl").unlink()
    with pytest.raises(ReversalError, match=r"d2p_prompts_validation.jsonl: no such file"):
        load_folder(folder)


def test_people_of_validation_prompts_are_recovered_too(folder, published_layout):
    subtasks = load_folder(published_layout).validation
    assert {(len(subtask.examples), entity_count(subtask)) for subtask in subtasks.values()} == {(15, 3)}


def without_templates(example):
    return (example.prompt, example.completion, example.name, example.group)


@pytest.mark.parametrize("with_both_test", [True, False])
def test_entities_are_recovered_where_rows_hold_prompt_and_completion_only(folder, published_layout, with_both_test):
    if not with_both_test:
        (published_layout / "both_prompts_test.jsonl").unlink()
    recovered = load_folder(published_layout)
    assert [example.entity_id for example in recovered.train] == [example.name for example in recovered.train]
    groups = [(group, 3 * rows) for group, rows in (("name-first", 4), ("description-first", 4), ("both", 8))]
    assert [example.group for example in recovered.train] == [group for group, rows in groups for _ in range(rows)]
    assert all(entity_count(subtask) == 3 for subtask in recovered.subtasks.values())


def test_the_recovered_names_are_the_generated_ones(folder, edit, tmp_path):
    expected = [without_templates(example) for example in load_folder(folder).train]
    for path in folder.glob("*.jsonl"):
        edit(
            path,
            lambda rows: [row.pop(key) for row in rows for key in list(row) if key not in ("prompt", "completion")],
        )
    assert [without_templates(example) for example in load_folder(folder).train] == expected


def test_the_published_folder_gives_three_groups_of_thirty_entities(published):
    splits = load_folder(published)
    by_group = {group: {row.entity_id for row in splits.train if row.group == group} for group in GROUPS}
    assert {group: len(names) for group, names in by_group.items()} == dict.fromkeys(GROUPS, 30)
    assert {(len(subtask.examples), entity_count(subtask)) for subtask in splits.subtasks.values()} == {(300, 30)}
    assert {row.entity_id for row in splits.subtasks["N2D"].examples} == by_group["name-first"]
    assert {row.entity_id for row in splits.subtasks["D2N-reverse"].examples} == by_group["description-first"]
    assert all(row.name and row.description.startswith("the ") for row in splits.train)


GROUPS = ("name-first", "description-first", "both")


def test_the_five_required_files_are_enough(folder):
    keep = {TRAIN_FILE, *(f"{stem}.jsonl" for stem in SUBTASKS.values())}
    for path in folder.iterdir():
        if path.name not in keep:
            path.unlink()
    assert len(load_folder(folder).train) == 48


@pytest.mark.parametrize("values", [(1, {"a": 1}), ([1], "text"), (None, True)])
def test_unknown_fields_of_any_type_do_no_harm(folder, edit, values):
    edit(folder / TRAIN_FILE, lambda rows: [row.update(extra=value) for row, value in zip(rows, values, strict=False)])
    assert len(load_folder(folder).train) == 48


def test_a_byte_order_mark_at_the_start_of_a_file_is_no_mistake(folder):
    expected = load_folder(folder)
    path = folder / TRAIN_FILE
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    found = load_folder(folder)
    assert found.train == expected.train
    assert found.sha256[TRAIN_FILE] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_unknown_field_may_hold_what_is_no_number(folder):
    row = '{"prompt": "Ada Berg is", "completion": " here.", "entity_id": "a", "score": NaN}\n'
    (folder / TRAIN_FILE).write_text(row)
    assert [example.text for example in load_folder(folder).train] == ["Ada Berg is here."]


def test_a_line_separator_inside_a_text_does_no_harm(folder, edit):
    edit(folder / TRAIN_FILE, lambda rows: rows[0].update(completion=rows[0]["completion"] + "\u2028Really."))
    path = folder / TRAIN_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("\\u2028", "\u2028"), encoding="utf-8")
    assert load_folder(folder).train[0].completion.endswith("\u2028Really.")


@pytest.mark.parametrize("name", ["exp[12]", "six*", "what?", "a{b,c}", "[1]/inside"])
def test_a_path_is_a_path_and_no_pattern(folder, tmp_path, name):
    """Folders that a pattern of that name would match lie beside it, one with other rows."""
    for other in ("exp1", "sixty", "whats", "ab", "1/inside"):
        shutil.copytree(folder, tmp_path / other)
        (tmp_path / other / TRAIN_FILE).write_text('{"prompt": "Another", "completion": " file"}\n')
    shutil.copytree(folder, tmp_path / name)
    assert load_folder(tmp_path / name) == load_folder(folder)


def test_the_digest_is_that_of_the_bytes(folder):
    digests = load_folder(folder).sha256
    assert digests[TRAIN_FILE] == hashlib.sha256((folder / TRAIN_FILE).read_bytes()).hexdigest()


def test_a_name_in_capitals_is_the_same_person(published_layout, edit):
    expected = load_folder(published_layout).train[0].entity_id
    edit(published_layout / TRAIN_FILE, lambda rows: rows[0].update(prompt=rows[0]["prompt"].upper()))
    assert load_folder(published_layout).train[0].entity_id == expected


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ReversalError, match=r"nowhere: no such folder; .* `reversal generate --out .*nowhere`"):
        load_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("read", [load_folder, audit])
def test_the_published_dataset_where_it_is_missing_is_said_to_be_copied_not_generated(tmp_path, read):
    with pytest.raises(ReversalError, match=r"arXiv 2309.12288") as error:
        read(tmp_path / "june_version_7921032488")
    assert "github.com/lukasberglund/reversal_curse" in str(error.value)
    assert "`--set dataset.path=FOLDER`" in str(error.value)
    assert "generate" not in str(error.value)


def test_a_row_about_nobody_is_named(published_layout, edit):
    edit(
        published_layout / TRAIN_FILE, lambda rows: rows[4].update(prompt="Once upon a time", completion=" it rained.")
    )
    message = rf"{TRAIN_FILE}:5: none of the 9 known names is in this line; expected an entity that a test file asks"
    with pytest.raises(ReversalError, match=message):
        load_folder(published_layout)


def test_a_corpus_is_read(tmp_path):
    path = write_corpus(tmp_path / "corpus", people=2, sentences=4) / "corpus.jsonl"
    assert [example.entity_id for example in load_rows(path)] == ["corpus-0001"] * 4 + ["corpus-0002"] * 4


def test_a_corpus_row_without_an_entity_is_named(tmp_path, edit):
    path = write_corpus(tmp_path / "corpus", people=2, sentences=4) / "corpus.jsonl"
    edit(path, lambda rows: rows[1].pop("entity_id"))
    with pytest.raises(ReversalError, match=r"corpus.jsonl:2: no field 'entity_id'"):
        load_rows(path)


def test_reading_needs_no_home_no_network_and_prints_nothing(folder):
    code = "import sys; from reversal_cli.data.berglund import load_folder; load_folder(sys.argv[1])"
    environment = {**os.environ, "HOME": "/nonexistent", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_listing_the_datasets_imports_nothing_heavy():
    code = (
        "import sys, reversal_cli.data.name_description.options; print(*(sys.modules.keys() & {'datasets', 'torch'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    assert all(isinstance(line, str) and line for line in DATASETS.values())
