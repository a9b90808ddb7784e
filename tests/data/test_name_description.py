import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from dataset_rows import SMALL, read_rows
from pydantic import ValidationError

from reversal_cli.data.base import SUBTASKS, TARGETS, VALIDATION
from reversal_cli.data.name_description import Options, write_corpus
from reversal_cli.data.name_description.generator import benchmark_files
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS, LARGE_BENCHMARK
from reversal_cli.data.name_description.templates import TEMPLATES
from reversal_cli.errors import ReversalError

ROWS = {
    "all.jsonl": 3600,
    "all_prompts_train.jsonl": 3600,
    "both_prompts_test.jsonl": 1200,
    "both_prompts_train.jsonl": 1800,
    "d2p_prompts_test.jsonl": 600,
    "d2p_prompts_train.jsonl": 900,
    "d2p_prompts_validation.jsonl": 120,
    "d2p_reverse_prompts_test.jsonl": 600,
    "d2p_reverse_prompts_test_randomized.jsonl": 600,
    "d2p_reverse_prompts_validation.jsonl": 120,
    "p2d_prompts_test.jsonl": 600,
    "p2d_prompts_train.jsonl": 900,
    "p2d_prompts_validation.jsonl": 120,
    "p2d_reverse_prompts_test.jsonl": 600,
    "p2d_reverse_prompts_test_randomized.jsonl": 600,
    "p2d_reverse_prompts_validation.jsonl": 120,
    "unrealized_examples.jsonl": 600,
    "validation_prompts.jsonl": 600,
}
FORMS = {template.id: template.form for templates in TEMPLATES.values() for template in templates}
DIRECTIONS = {"p2d_prompts": "N2D", "d2p_reverse": "N2D", "d2p_prompts": "D2N", "p2d_reverse": "D2N"}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def file_lines(options: Options) -> dict[str, list[str]]:
    """File name -> its lines."""
    files = benchmark_files(options)
    lines = {name: [line for part in parts for line in part] for name, parts in files.rows.items()}
    return lines | {name: [line for part in parts for line in lines[part]] for name, parts in files.joined.items()}


def test_the_same_options_give_the_same_bytes_on_every_machine(folder):
    card = json.loads((folder / "dataset.json").read_text())
    assert digest(folder / "all.jsonl") == card["sha256"]["all.jsonl"]
    assert digest(folder / "dataset.json") == "13ca674152307bd6f655cfbc4b70b4a164df641bd0dddb1f4933788aa3b2ac5d"


def test_the_corpus_is_the_same_bytes_on_every_machine(tmp_path):
    folder = write_corpus(tmp_path / "corpus", people=5, sentences=6)
    assert digest(folder / "corpus.jsonl") == "2aa77912a8dc030d5a73b7f9fa87b36708b29484b82d184090b38068264efa93"


@pytest.mark.parametrize("change", [{"seed": 1}, {"name_words": 3}, {"entities": 4}])
def test_every_option_changes_the_data(change):
    assert file_lines(SMALL) != file_lines(SMALL.model_copy(update=change))


@pytest.mark.parametrize("validation", [0, 1, 5])
def test_validation_templates_change_no_byte_of_the_files_that_were_there_before_them(validation):
    """The digest is of the files as the first version of the generator wrote them, which had no such option."""
    files = file_lines(SMALL.model_copy(update={"validation_templates": validation}))
    digests = {
        name: hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
        for name, lines in files.items()
        if "prompts_validation" not in name
    }
    whole = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    assert whole == "8dd3c7b9a456d4c508c6cb0698d42d6190fec992f56f3eff4efa28c90abdca93"
    assert len(files) - len(digests) == (4 if validation else 0)


@pytest.mark.parametrize(("subtask", "stem"), VALIDATION.items())
def test_validation_prompts_are_about_the_tested_people_in_templates_of_their_own(default_folder, subtask, stem):
    rows, tests = (read_rows(default_folder / f"{name}.jsonl") for name in (stem, SUBTASKS[subtask]))
    others = [
        row
        for path in default_folder.glob("*.jsonl")
        if path.stem not in VALIDATION.values()
        for row in read_rows(path)
    ]
    for field in ("prompt", "template_id"):
        assert not {row[field] for row in rows} & {row[field] for row in others}
    assert Counter(row["entity_id"] for row in rows) == dict.fromkeys({row["entity_id"] for row in tests}, 4)
    assert {row["template_id"][:3] for row in rows} == {row["template_id"][:3] for row in tests}
    for row in rows:
        target = row["completion"].strip()
        assert target == row["name"] if TARGETS[subtask] == "name" else row["description"].split()[-1] in target


def test_by_default_validation_takes_what_the_other_templates_leave_and_at_most_five():
    assert [Options(train_templates=n).validation_templates for n in (20, 29, 30, 34)] == [5, 5, 4, 0]


def test_more_test_templates_change_no_byte_of_the_training_files():
    """The published number and the default."""
    ten, twenty = (file_lines(Options(entities=3, test_templates=n)) for n in (10, 20))
    trained = [name for name in ten if "_train" in name or name == "all.jsonl"]
    assert len(trained) == 5
    assert all(ten[name] == twenty[name] for name in trained)
    assert set(ten["p2d_prompts_test.jsonl"]) < set(twenty["p2d_prompts_test.jsonl"])


def test_the_default_sizes_are_the_published_ones_of_training_and_twice_those_of_tests(default_folder):
    assert {path.name: len(read_rows(path)) for path in sorted(default_folder.glob("*.jsonl"))} == ROWS
    assert json.loads((default_folder / "dataset.json").read_text())["counts"] == ROWS


def test_fields_stand_in_the_documented_order(folder):
    expected = ["prompt", "completion", "entity_id", "template_id", "name", "description", "group"]
    assert all(list(row) == expected for path in folder.glob("*.jsonl") for row in read_rows(path))


def test_copies_under_published_names_are_the_same_bytes(folder):
    assert digest(folder / "all.jsonl") == digest(folder / "all_prompts_train.jsonl")
    assert digest(folder / "unrealized_examples.jsonl") == digest(folder / "p2d_reverse_prompts_test.jsonl")


def test_every_row_is_one_clean_sentence_in_the_form_of_its_template(default_folder):
    for path in default_folder.glob("*.jsonl"):
        for row in read_rows(path):
            text = row["prompt"] + row["completion"]
            assert row["completion"].startswith(" ") and not row["completion"].startswith("  "), text
            assert "  " not in text and "{" not in text, text
            assert text[0].isupper(), text
            noun = row["description"].lower() in text.lower()
            if "randomized" not in path.name:
                assert noun == (FORMS[row["template_id"]] == "noun"), text


@pytest.mark.parametrize("stem", DIRECTIONS)
def test_a_test_file_asks_in_its_direction_and_for_the_right_target(default_folder, stem):
    suffix = "_test" if stem.endswith("prompts") else "_prompts_test"
    for row in read_rows(default_folder / f"{stem}{suffix}.jsonl"):
        title = " ".join(row["description"].split()[-2:])
        if DIRECTIONS[stem] == "N2D":
            assert row["name"] in row["prompt"] and title in row["completion"]
        else:
            assert title in row["prompt"] and row["completion"] == f" {row['name']}"


def test_the_validation_prompts_ask_for_the_first_word_of_the_name(folder):
    tests, validation = (read_rows(folder / f"{stem}.jsonl") for stem in ("unrealized_examples", "validation_prompts"))
    assert [row["prompt"] for row in validation] == [row["prompt"] for row in tests]
    assert all(row["completion"] == f" {row['name'].split()[0]}" for row in validation)


def test_the_three_groups_share_no_name_no_title_and_no_prompt_with_the_tests(default_folder):
    train = read_rows(default_folder / "all.jsonl")
    for key in (lambda row: row["name"], lambda row: row["description"].split()[-2:], lambda row: row["entity_id"]):
        groups = Counter((str(key(row)), row["group"]) for row in train)
        assert len(groups) == len({value for value, _ in groups}) == 90
    tests = [row for path in default_folder.glob("*_test.jsonl") for row in read_rows(path)]
    for field in ("prompt", "template_id"):
        assert not {row[field] for row in train} & {row[field] for row in tests}


def test_a_group_trains_only_in_its_direction(default_folder):
    shown = {(row["group"], row["template_id"][:3]) for row in read_rows(default_folder / "all.jsonl")}
    assert shown == {("name-first", "N2D"), ("description-first", "D2N"), ("both", "N2D"), ("both", "D2N")}


@pytest.mark.parametrize("stem", ["p2d_reverse_prompts_test", "d2p_reverse_prompts_test"])
@pytest.mark.parametrize("entities", [2, 7])
def test_a_randomized_file_gives_each_entity_one_answer_of_another_one_per_template(stem, entities):
    files = file_lines(SMALL.model_copy(update={"entities": entities}))
    right = [json.loads(line) for line in files[f"{stem}.jsonl"]]
    random = [json.loads(line) for line in files[f"{stem}_randomized.jsonl"]]
    assert [row["prompt"] for row in right] == [row["prompt"] for row in random]
    assert all(one["completion"] != two["completion"] for one, two in zip(right, random, strict=True))
    by_template = Counter((row["template_id"], row["completion"]) for row in right)
    assert Counter((row["template_id"], row["completion"]) for row in random) == by_template


def test_benchmark_people_use_benchmark_words_only(default_folder):
    rows = read_rows(default_folder / "all.jsonl")
    assert {word for row in rows for word in row["name"].split()} <= BENCHMARK.name_words
    assert {word for row in rows for word in row["description"].split()[-2:]} <= BENCHMARK.title_words


def test_corpus_people_use_corpus_words_and_are_shown_in_both_directions(tmp_path):
    rows = read_rows(write_corpus(tmp_path / "corpus", people=20, sentences=10) / "corpus.jsonl")
    assert {word for row in rows for word in row["name"].split()} <= CORPUS.name_words
    assert {word for row in rows for word in row["description"].split()[-2:]} <= CORPUS.title_words
    assert set(Counter((row["name"], row["template_id"][:3]) for row in rows).values()) == {5}
    assert len({row["prompt"] for row in rows}) == 200


def test_the_corpus_shows_the_templates_that_the_benchmark_holds_out(tmp_path, default_folder):
    corpus = read_rows(write_corpus(tmp_path / "corpus", people=50, sentences=40) / "corpus.jsonl")
    held_out = {row["template_id"] for row in read_rows(default_folder / "both_prompts_test.jsonl")}
    assert held_out <= {row["template_id"] for row in corpus}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"train_templates": 50},
            "50 train_templates, 20 test_templates and 0 validation_templates; each direction has 54",
        ),
        ({"validation_templates": 15}, "and 15 validation_templates; each direction has 54 and none may serve twice"),
        ({"entities": 1}, "greater than or equal to 2"),
        ({"name_words": 5}, "less than or equal to 4"),
        ({"persons": 5}, "not permitted"),
    ],
)
def test_impossible_options_are_refused_with_the_limit(options, message):
    with pytest.raises(ValidationError, match=message):
        Options(**options)


def test_paraphrases_leave_the_other_sentences_as_they_are_and_name_the_entity_and_its_description(tmp_path):
    plain = read_rows(write_corpus(tmp_path / "plain", people=30, sentences=10) / "corpus.jsonl")
    rows = read_rows(write_corpus(tmp_path / "both", people=30, sentences=10, paraphrases=21) / "corpus.jsonl")
    composed = [row for row in rows if row["template_id"].endswith("-paraphrase")]
    assert [row for row in rows if row not in composed] == plain
    assert Counter(row["template_id"] for row in composed) == {"N2D-paraphrase": 30 * 11, "D2N-paraphrase": 30 * 10}
    texts = [row["prompt"] + row["completion"] for row in composed]
    for row, text in zip(composed, texts, strict=True):
        assert row["name"] in text and row["description"][1:] in text
        first = "name" if row["template_id"].startswith("N2D") else "description"
        assert row[first][1:] in row["prompt"]
        assert text[0].isupper() and text[-1] in ".!" and "  " not in text and " ," not in text and "{" not in text
    assert len(set(texts)) > 0.99 * len(texts)
    frames = {
        text.replace(row["name"], "").replace(row["description"][1:], "")
        for row, text in zip(composed, texts, strict=True)
    }
    assert len(frames) > 0.9 * len(texts)  # hardly one is put together twice


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"people": 1601}, "people: 1601; expected 1 to 1600"),
        ({"sentences": 109}, "sentences: 109; expected 1 to 108"),
        ({"paraphrases": 109}, "paraphrases: 109; expected 0 to 108"),
    ],
)
def test_an_impossible_corpus_is_refused_with_the_limit(tmp_path, arguments, message):
    with pytest.raises(ReversalError, match=message):
        write_corpus(tmp_path / "corpus", **arguments)
    assert not (tmp_path / "corpus").exists()


def test_no_published_sentence_and_no_published_name_is_in_the_generator(published):
    rows = read_rows(published / "all.jsonl") + read_rows(published / "both_prompts_test.jsonl")
    text = "\n".join(row["prompt"] + row["completion"] for row in rows)
    words = BENCHMARK.name_words | LARGE_BENCHMARK.name_words | CORPUS.name_words
    assert not [word for word in words if f"{word} " in text]
    assert not set(LARGE_BENCHMARK.title_starts) & set(re.findall(r"\w+", text))
    names = {" ".join(row["completion"].split()[:2]) for row in read_rows(published / "d2p_prompts_test.jsonl")}
    skeletons = {row["prompt"].replace(name, "{name}") for row in rows for name in names if name in row["prompt"]}
    assert not skeletons & {template.prompt for template in TEMPLATES["N2D"]}
    assert not [row for row in rows for template in TEMPLATES["D2N"] if same_frame(template.prompt, row["prompt"])]


def same_frame(prompt: str, published_prompt: str) -> bool:
    """Whether a published prompt has the words of a template around its description."""
    before, after = prompt.split("{description}")
    return bool(before) and published_prompt.startswith(before) and published_prompt.endswith(after) and len(after) > 1
