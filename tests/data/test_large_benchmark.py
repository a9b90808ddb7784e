"""Benchmarks of more entities than the first lexicon serves; those below stay the bytes that they were."""

import hashlib
import json

import pytest
from dataset_rows import SMALL, read_rows
from pydantic import ValidationError

from reversal_cli.data.audit.folder import audit
from reversal_cli.data.berglund import load_folder
from reversal_cli.data.name_description import Options, generate
from reversal_cli.data.name_description.entities import make_entities
from reversal_cli.data.name_description.generator import PROGRESS_ROWS
from reversal_cli.data.name_description.lexicon import BENCHMARK, LARGE_BENCHMARK

FEW = {"train_templates": 2, "test_templates": 1, "validation_templates": 0}
LARGE = Options(entities=4000, train_templates=1, test_templates=1, validation_templates=0)
CARDS = {
    (0, 2): "6d755cfb20a8d68677a4bc538c4b66f710bc1b14cee419293e8808c1be406865",
    (0, 4): "a306ed97cb9fa581faa0c628bb3dee1f2331e88c17a77c654ff7924df351abcb",
    (5, 3): "7cdf89c6e15224570cafbed1b42cb95d762128fa29e0075dae49f549ed51b5a3",
}
"""(Seed, words in a name) -> SHA-256 of dataset.json, which has the hashes of all files, as it was written when 3,333
entities were the limit."""


LARGE_CARD = "7faed75080ef1e9ba21bc2e2ba74a69622a2ca6920a413c391a4c0496a451a31"


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory):
    return generate(LARGE, tmp_path_factory.mktemp("large") / "dataset")


@pytest.mark.parametrize(("seed", "name_words"), CARDS)
def test_the_largest_benchmark_of_the_first_lexicon_is_the_same_bytes_as_ever(tmp_path, seed, name_words):
    folder = generate(Options(entities=3333, seed=seed, name_words=name_words, **FEW), tmp_path / "dataset")
    card = (folder / "dataset.json").read_bytes()
    assert hashlib.sha256(card).hexdigest() == CARDS[seed, name_words]
    for name, expected in json.loads(card)["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected


def test_a_large_benchmark_is_the_same_bytes_on_every_machine(large_folder):
    assert hashlib.sha256((large_folder / "dataset.json").read_bytes()).hexdigest() == LARGE_CARD


def test_three_thousand_entities_per_group_stay_unique(tmp_path):
    options = Options(entities=3000, train_templates=1, test_templates=1)
    rows = read_rows(generate(options, tmp_path / "dataset") / "all.jsonl")
    assert len(rows) == 12_000
    assert len({row["name"] for row in rows}) == len({row["description"] for row in rows}) == 9000


def test_entities_of_a_large_benchmark_have_unique_names_and_titles_from_one_lexicon(large_folder):
    rows = read_rows(large_folder / "all.jsonl")
    titles = {row["entity_id"]: tuple(row["description"].split()[-2:]) for row in rows}
    names = {row["entity_id"]: tuple(row["name"].split()) for row in rows}
    assert len(names) == len(set(names.values())) == len(set(titles.values())) == 12_000
    for pairs, starts, ends in (
        (names, LARGE_BENCHMARK.first_names, LARGE_BENCHMARK.surnames),
        (titles, LARGE_BENCHMARK.title_starts, LARGE_BENCHMARK.title_ends),
    ):
        assert {pair[0] for pair in pairs.values()} <= set(starts)
        assert {pair[1] for pair in pairs.values()} <= set(ends)


@pytest.mark.parametrize("name_words", [2, 3, 4])
def test_no_description_of_a_large_benchmark_holds_a_word_of_any_name(name_words):
    entities = make_entities(LARGE_BENCHMARK, 5000, seed=2, name_words=name_words)
    assert {len(entity.name.split()) for entity in entities} == {name_words}
    assert len({entity.name for entity in entities}) == 5000
    described = {word for entity in entities for word in f"{entity.noun} {entity.verb} {entity.gerund}".split()}
    assert not described & (LARGE_BENCHMARK.name_words | BENCHMARK.name_words)


def test_a_large_benchmark_is_read_and_has_no_problem(large_folder):
    splits = load_folder(large_folder)
    assert len(splits.train) == 16_000
    assert {name: len(subtask.examples) for name, subtask in splits.subtasks.items()} == dict.fromkeys(
        ("N2D", "D2N", "N2D-reverse", "D2N-reverse"), 4000
    )
    result = audit(large_folder)
    assert (result.problems, result.warnings) == ([], [])
    shown = {group: (one.name_first_examples, one.description_first_examples) for group, one in result.groups.items()}
    assert shown == {"name-first": (4000, 0), "description-first": (0, 4000), "both": (4000, 4000)}


def test_more_entities_than_all_words_serve_are_refused_with_the_limit():
    assert Options(entities=100_000).entities == LARGE_BENCHMARK.capacity // 3
    with pytest.raises(ValidationError, match="100001 entities per group; the lexicon has 100000; lower it"):
        Options(entities=100_001)


def test_progress_counts_every_line_that_is_not_a_copy_and_leaves_out_the_end(tmp_path):
    reports = []
    generate(LARGE, tmp_path / "dataset", on_progress=lambda done, total: reports.append((done, total)))
    # Per entity: 3 training files of 1, 1 and 2 templates, 7 test files of one and one of two.
    total = 4000 * (4 + 9)
    assert reports == [(done, total) for done in range(0, total, PROGRESS_ROWS)]


def test_an_interrupt_leaves_the_folder_of_before_and_nothing_else(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(LARGE, tmp_path / "dataset", on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []

    generate(SMALL, tmp_path / "dataset")
    before = (tmp_path / "dataset/dataset.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        generate(LARGE, tmp_path / "dataset", overwrite=True, on_progress=interrupt)
    assert (tmp_path / "dataset/dataset.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]
