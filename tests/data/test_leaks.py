"""What of the tests is found in training, however it is written there."""

import pytest
from dataset_rows import read_rows

from reversal_cli.data.audit.folder import audit
from reversal_cli.data.audit.leaks import count_by_kind, files_of, find_leaks
from reversal_cli.data.berglund import load_folder

TRAIN_FILE = "all_prompts_train.jsonl"
D2N_FILE = "d2p_prompts_test.jsonl"
TWO = ("folder", "published_layout")
"""With and without `dataset.json` and the fields of a generated row."""


@pytest.fixture(params=TWO)
def either(request):
    return request.getfixturevalue(request.param)


def leaks(folder) -> list[str]:
    return [str(leak) for leak in find_leaks(files_of(load_folder(folder)))]


def first_word_moved(row):
    *start, last = row["prompt"].split(" ")
    return {"prompt": " ".join(start), "completion": f" {last}{row['completion']}"}


def word_moved_back(row):
    first, *rest = row["completion"].split()
    return {"prompt": f"{row['prompt']} {first}", "completion": f" {' '.join(rest) or 'indeed'}"}


DISGUISES = {
    "as it is": lambda row: {},
    "two spaces": lambda row: {"prompt": row["prompt"].replace(" ", "  ", 1)},
    "a no-break space": lambda row: {"prompt": row["prompt"].replace(" ", "\u00a0", 1)},
    "capitals": lambda row: {"prompt": row["prompt"].upper()},
    "small letters": lambda row: {"prompt": row["prompt"].lower()},
    "a colon at the end": lambda row: {"prompt": row["prompt"].rstrip(",:") + ":"},
    "quotation marks": lambda row: {"prompt": f'"{row["prompt"]}"'},
    "a soft hyphen": lambda row: {"prompt": row["prompt"][:-2] + "\u00ad" + row["prompt"][-2:]},
    "its last word in the completion": first_word_moved,
    "the first word of the answer in the prompt": word_moved_back,
    "another ending": lambda row: {"completion": row["completion"] + ", as everybody knows."},
}


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("stem", ["p2d_prompts_test", "d2p_prompts_test", "both_prompts_test"])
def test_a_trained_prompt_is_found_however_it_is_written(either, edit, stem, disguise):
    row = read_rows(either / f"{stem}.jsonl")[2]
    edit(either / TRAIN_FILE, lambda rows: rows.insert(6, {**row, **DISGUISES[disguise](row)}))
    expected = f"{stem}.jsonl:3: 1 of its prompts are also in {TRAIN_FILE}, first line 7 of {TRAIN_FILE}"
    assert [leak.split(";")[0] for leak in leaks(either)] == [expected]
    assert any(problem.startswith(expected) for problem in audit(either).problems)


def test_a_prompt_that_goes_on_in_the_middle_of_a_word_is_another_one(folder, edit):
    row = read_rows(folder / D2N_FILE)[0]
    edit(folder / TRAIN_FILE, lambda rows: rows.append({**row, "prompt": row["prompt"].rstrip(",:") + "ish"}))
    assert leaks(folder) == []


def test_validation_prompts_are_compared_with_training_and_tests(folder, edit):
    tested = read_rows(folder / D2N_FILE)[1]
    trained = next(row for row in read_rows(folder / TRAIN_FILE) if row["group"] == "description-first")
    edit(folder / "d2p_prompts_validation.jsonl", lambda rows: rows.extend([trained, tested]))
    assert count_by_kind(find_leaks(files_of(load_folder(folder)))) == (
        "1 validation prompts are trained, 1 validation prompts are tested"
    )


REVERSED = {
    "alone": "{description} is {name}.",
    "after the forward fact": "{name} is {description}. And {description} is {name}.",
    "with the name before it too": "For {name}, remember that {description} is {name}.",
    "in capitals": "{description} IS {NAME}.",
    "in small letters": "{description} is {small name}.",
    "with the surname": "{description} is {surname}.",
}


@pytest.mark.parametrize("how", REVERSED)
def test_a_reversed_fact_is_found_in_every_row_however_it_is_told(either, edit, how):
    """All training rows of a name-first entity carry it."""
    row = read_rows(either / "p2d_prompts_test.jsonl")[0]
    name = read_rows(either / "p2d_reverse_prompts_test.jsonl")[0]["completion"].strip()
    description = row["completion"].strip().rstrip(".")
    words = {"name": name, "NAME": name.upper(), "small name": name.lower(), "surname": name.split()[-1]}

    def plant(rows):
        of_entity = [row for row in rows if row["prompt"].find(name) >= 0]
        for number, row in enumerate(of_entity):
            text = f"No. {number}: " + REVERSED[how].format(description=description, **words)
            row["prompt"], _, rest = text.rpartition(" is " if " is " in text else " IS ")
            row["completion"] = f" {rest}"

    forward = sum(name in row["prompt"] for row in read_rows(either / TRAIN_FILE))
    edit(either / TRAIN_FILE, plant)
    expected = f"{TRAIN_FILE}:1: {forward} rows show a name-first entity with the description before the name"
    if how == "with the surname" and not (either / "dataset.json").exists():
        return  # a file without fields that names nobody in full is refused by the reader
    assert any(leak.startswith(expected) for leak in leaks(either)), leaks(either)
    assert any(problem.startswith(expected) for problem in audit(either).problems)


def swap(rows, names, numbers):
    """Exchanges the completions of one person's rows with those of the next."""
    one, two = ([row for row in rows if names[index] in row["prompt"] + row["completion"]] for index in (0, 1))
    for number in numbers:
        one[number]["completion"], two[number]["completion"] = two[number]["completion"], one[number]["completion"]


@pytest.mark.parametrize("numbers", [[0], [0, 1]], ids=["one pair of rows", "every row"])
@pytest.mark.parametrize(
    "stem", ["p2d_prompts_test", "d2p_prompts_test", "p2d_reverse_prompts_test", "d2p_reverse_prompts_test"]
)
def test_answers_exchanged_between_two_people_are_a_problem(either, edit, stem, numbers):
    names_from = "p2d_reverse_prompts_test" if stem.startswith("p2d") else "d2p_prompts_test"
    names = list(dict.fromkeys(row["completion"].strip() for row in read_rows(either / f"{names_from}.jsonl")))
    edit(either / f"{stem}.jsonl", lambda rows: swap(rows, names, numbers))
    expected = f"{stem}.jsonl:1: {2 * len(numbers)} examples put the name of one entity to the description of another"
    assert any(problem.startswith(expected) for problem in audit(either).problems), audit(either).problems


@pytest.mark.parametrize("count", [1, 4])
def test_training_rows_that_give_somebody_anothers_description_are_a_problem(either, edit, count):
    names = list(
        dict.fromkeys(row["completion"].strip() for row in read_rows(either / "p2d_reverse_prompts_test.jsonl"))
    )
    edit(either / TRAIN_FILE, lambda rows: swap(rows, names, range(count)))
    expected = f"{TRAIN_FILE}:1: {2 * count} examples put the name of one entity to the description of another"
    assert any(problem.startswith(expected) for problem in audit(either).problems), audit(either).problems


def test_a_row_about_another_entity_than_its_field_says_is_a_problem(folder, edit):
    def exchange(rows):
        for key in ("prompt", "completion"):
            rows[0][key], rows[-1][key] = rows[-1][key], rows[0][key]

    edit(folder / D2N_FILE, exchange)
    assert any(
        f"{D2N_FILE}:1: 2 examples are about another entity than" in problem for problem in audit(folder).problems
    )


def test_the_published_dataset_has_no_leaks(published):
    assert leaks(published) == []
