import pytest
from dataset_rows import read_rows

from reversal_cli.data.audit.folder import audit
from reversal_cli.data.name_description import write_corpus
from reversal_cli.data.name_description.lexicon import CORPUS
from reversal_cli.errors import ReversalError

TRAIN_FILE = "all_prompts_train.jsonl"


def summary(groups: dict[str, tuple[int, int, int, int]]) -> list[dict[str, str | int]]:
    headings = ("entities", "rows", "name-first rows", "description-first rows")
    return [{"group": group, **dict(zip(headings, row, strict=True))} for group, row in groups.items()]


def test_a_generated_benchmark_is_clean(default_folder):
    found = audit(default_folder)
    assert (found.problems, found.warnings) == ([], [])
    assert found.counts[TRAIN_FILE] == 3600
    assert found.summary_rows() == summary(
        {"both": (30, 1800, 900, 900), "description-first": (30, 900, 0, 900), "name-first": (30, 900, 900, 0)}
    )


def test_a_generated_corpus_is_clean(tmp_path):
    found = audit(write_corpus(tmp_path / "corpus", people=10, sentences=6))
    assert (found.problems, found.warnings) == ([], [])
    assert found.summary_rows() == summary({"both": (10, 60, 30, 30)})


def test_the_published_dataset_is_clean_but_for_its_randomized_files(published):
    found = audit(published)
    assert found.problems == []
    assert [warning.split(" answers")[0] for warning in found.warnings] == [
        "p2d_reverse_prompts_test_randomized.jsonl: 13 of 300",
        "d2p_reverse_prompts_test_randomized.jsonl: 4 of 300",
    ]
    assert found.summary_rows() == summary(
        {"both": (30, 1800, 900, 900), "description-first": (30, 900, 0, 900), "name-first": (30, 900, 900, 0)}
    )


def test_a_planted_reversed_row_is_found_whatever_its_fields_say(published_layout, edit):
    person = read_rows(published_layout / "p2d_reverse_prompts_test.jsonl")[0]
    reversed_row = {
        "prompt": "Look, " + person["prompt"],
        "completion": person["completion"] + ".",
        "entity_id": "both-0001",
    }
    edit(published_layout / TRAIN_FILE, lambda rows: rows.insert(5, reversed_row))
    problems = audit(published_layout).problems
    assert len(problems) == 1
    assert problems[0].startswith(
        f"{TRAIN_FILE}:6: 1 rows show a name-first entity with the description before the name"
    )


def test_a_name_before_the_description_of_a_description_first_entity_is_found(published_layout, edit):
    person = read_rows(published_layout / "d2p_reverse_prompts_test.jsonl")[0]
    edit(published_layout / TRAIN_FILE, lambda rows: rows.append({**person, "prompt": "Look, " + person["prompt"]}))
    assert "show a description-first entity with the name before the description" in audit(published_layout).problems[0]


def test_an_entity_of_both_that_is_shown_in_one_direction_only_is_found(published_layout, edit):
    name = read_rows(published_layout / "all.jsonl")[-1]["completion"].split(" ")[1]
    edit(published_layout / TRAIN_FILE, lambda rows: keep(rows, lambda row: name not in row["completion"]))
    expected = "such both entities) with the description before the name; expected examples for every entity; add them"
    assert any(line.endswith(expected) for line in audit(published_layout).problems)


def keep(rows, condition):
    rows[:] = [row for row in rows if condition(row)]


def copy_test_row(folder, edit):
    edit(folder / TRAIN_FILE, lambda rows: rows.append(read_rows(folder / "p2d_prompts_test.jsonl")[0]))


def copy_train_row(folder, edit):
    edit(folder / TRAIN_FILE, lambda rows: rows.append(rows[0]))


def rename_entity(folder, edit):
    edit(folder / TRAIN_FILE, lambda rows: [row.update(entity_id="other-0001") for row in rows[:2]])


def move_person(folder, edit):
    edit(
        folder / "d2p_prompts_test.jsonl",
        lambda rows: rows.append({**read_rows(folder / "p2d_reverse_prompts_test.jsonl")[0], "template_id": ""}),
    )


def use_corpus_name(folder, edit):
    edit(folder / TRAIN_FILE, lambda rows: rows[0].update(name=f"{CORPUS.first_names[0]} {CORPUS.surnames[0]}"))


def use_corpus_title(folder, edit):
    edit(
        folder / TRAIN_FILE,
        lambda rows: rows[0].update(
            description=f"the quiet composer of the opera {CORPUS.title_starts[0]} {CORPUS.title_ends[0]}"
        ),
    )


def same_description(folder, edit):
    def describe(rows):
        for row in rows:
            if row["template_id"] == rows[0]["template_id"]:
                row["completion"] = " the quiet composer of the opera Amber Corridor, that most famous of them all."

    edit(folder / "p2d_prompts_test.jsonl", describe)


def validate_with_test(folder, edit):
    tests = read_rows(folder / "d2p_prompts_test.jsonl")
    edit(folder / "d2p_prompts_validation.jsonl", lambda rows: rows.append(tests[0]))


def validate_with_training(folder, edit):
    trained = next(row for row in read_rows(folder / TRAIN_FILE) if row["group"] == "description-first")
    edit(folder / "d2p_prompts_validation.jsonl", lambda rows: rows.append(trained))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            validate_with_test,
            "d2p_prompts_validation.jsonl:16: 1 of its prompts are also in a test file, first line 1 of ",
        ),
        (validate_with_test, "d2p_prompts_validation.jsonl: 1 of its templates are also in a test file, first 'D2N-"),
        (validate_with_training, "d2p_prompts_validation.jsonl:16: 1 of its prompts are also in all_prompts_train"),
        (validate_with_training, "d2p_prompts_validation.jsonl: 1 of its templates are also trained, first D2N-"),
        (validate_with_training, "d2p_prompts_validation.jsonl: 3 entities with 5 to 6 examples; expected the 3 of"),
        (
            lambda folder, edit: (folder / "d2p_reverse_prompts_validation.jsonl").unlink(),
            "d2p_reverse_prompts_validation.jsonl: missing beside p2d_prompts_validation.jsonl; expected all four",
        ),
        (copy_test_row, "p2d_prompts_test.jsonl:1: 1 of its prompts are also in all_prompts_train.jsonl"),
        (copy_test_row, "p2d_prompts_test.jsonl: 1 of its templates are also trained, first N2D-"),
        (copy_train_row, "all_prompts_train.jsonl: 1 examples are copies of another example"),
        (copy_train_row, "all_prompts_train.jsonl: its SHA-256 is not the one in dataset.json"),
        (rename_entity, "expected one entity; rename the others"),
        (move_person, "is in the groups name-first and description-first"),
        (use_corpus_name, "name words are not of this dataset's part of the lexicon"),
        (use_corpus_title, "2 title words are not of this dataset's part of the lexicon, first '"),
        (same_description, "' describes "),
        (lambda folder, edit: (folder / "all.jsonl").unlink(), "all.jsonl: missing; expected every file"),
    ],
)
def test_a_planted_fault_is_a_problem(folder, edit, damage, message):
    damage(folder, edit)
    assert any(message in problem for problem in audit(folder).problems), audit(folder).problems


def test_a_right_answer_in_a_randomized_file_is_a_warning(published_layout, edit):
    right = read_rows(published_layout / "p2d_reverse_prompts_test.jsonl")[0]
    edit(published_layout / "p2d_reverse_prompts_test_randomized.jsonl", lambda rows: rows.__setitem__(0, right))
    assert (
        "p2d_reverse_prompts_test_randomized.jsonl: 1 of 6 answers are the right one"
        in audit(published_layout).warnings[0]
    )


def test_a_training_row_without_a_description_is_a_warning(published_layout, edit):
    edit(published_layout / TRAIN_FILE, lambda rows: rows[0].update(completion=" somebody."))
    assert "1 examples do not hold both a known name and its description" in audit(published_layout).warnings[0]


def test_a_missing_required_file_is_an_error(folder):
    (folder / "p2d_prompts_test.jsonl").unlink()
    with pytest.raises(ReversalError, match=r"p2d_prompts_test.jsonl: no such file"):
        audit(folder)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ReversalError, match="no such folder"):
        audit(tmp_path / "nowhere")
