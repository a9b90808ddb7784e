"""Transforms in a training: batches that depend on (seed, epoch, index) alone, and a run from end to end."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from reversal_cli.cli import main
from reversal_cli.data.base import Example
from reversal_cli.objectives import OBJECTIVES
from reversal_cli.objectives.base import BlankTokens, Draw, Item, Row, TokenIds
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.spec.experiment import TrainingSpec
from reversal_cli.training.batching import Key
from reversal_cli.training.direction import row_text
from reversal_cli.training.trainer import TrainingJob, collate
from reversal_cli.transforms import TRANSFORMS
from reversal_cli.transforms.base import TransformOptions
from reversal_cli.transforms.reverse import Reverse
from reversal_cli.transforms.spt import Spt

BLANKS = BlankTokens(mask=91, sentence_mask=91, long_mask=92, sop=93, eop=94, eos=2)
TOKENS = TokenIds(pad=0, special=frozenset({0, 1, 2}), blanks=BLANKS, extra=(95, 96, 97), of_transform=(90,))
ROWS = [
    Row((1, *range(start, start + 8), 2), 5, (Item("name", (2, 4)), Item("description", (6, 8))))
    for start in (10, 20, 30)
]
DRAWN = {"spt": Spt(), "replace": Reverse(unit="token", mode="replace")}


def job(transform: TransformOptions, objective=None) -> TrainingJob:
    rows = transform.rows([*ROWS, *ROWS], TOKENS) if isinstance(transform, Reverse) else ROWS
    return TrainingJob(rows, TOKENS, objective or Ntp(), TrainingSpec(), 5, transform)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("transform", DRAWN)
def test_a_drawing_is_a_pure_function_of_seed_epoch_and_index(transform, objective):
    learnt = OBJECTIVES[objective]()
    tokens = dataclasses.replace(TOKENS, extra=TOKENS.extra[: learnt.extra_tokens])
    of_job = dataclasses.replace(job(DRAWN[transform], learnt), tokens=tokens)
    first, again = (collate(of_job, [Key(3, 0), Key(3, 2)]) for _ in range(2))
    assert np.array_equal(first.input_ids, again.input_ids) and np.array_equal(first.labels, again.labels)


def test_a_transform_that_defines_a_drawing_has_it_drawn():
    class Halved(TransformOptions):
        name: str = "halved"

        def row(self, row, tokens, generator):
            return dataclasses.replace(row, input_ids=row.input_ids[:5])

    assert collate(job(Halved()), [Key(0, 0)]).input_ids.tolist() == [list(ROWS[0].input_ids[:5])]
    assert Spt().changes_drawings and Reverse(mode="replace").changes_drawings
    assert not Reverse().changes_drawings and not TRANSFORMS["bridge"]().changes_drawings


@pytest.mark.parametrize("transform", DRAWN)
def test_a_drawing_does_not_depend_on_its_neighbours_and_changes_with_the_epoch(transform):
    of_job = job(DRAWN[transform])
    batch = collate(of_job, [Key(3, 0), Key(3, 1), Key(3, 2)])
    assert collate(of_job, [Key(3, 2)]).input_ids[0].tolist() == batch.input_ids[2].tolist()
    assert len({tuple(collate(of_job, [Key(epoch, 2)]).input_ids[0].tolist()) for epoch in range(20)}) > 1


@pytest.mark.parametrize("transform", DRAWN)
def test_a_drawing_is_what_the_third_stream_gives(transform):
    of_job = job(DRAWN[transform])
    for epoch in range(10):
        generator = np.random.default_rng((5, epoch, 1, 3))
        expected = of_job.transform.row(of_job.rows[1], TOKENS, generator)
        assert tuple(collate(of_job, [Key(epoch, 1)]).input_ids[0]) == expected.input_ids


def test_without_a_transform_a_batch_is_the_objectives_own():
    objective = Bico(bico_share=1.0)
    batch = collate(job(TRANSFORMS["none"](), objective), [Key(2, 0), Key(2, 1)])
    own = objective.collate(ROWS[:2], TOKENS, Draw(5, 2, (0, 1)))
    assert np.array_equal(batch.input_ids, own.input_ids) and np.array_equal(batch.labels, own.labels)


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name not in ("both", "bridge")])  # which need groups
def test_the_examples_of_a_transform_depend_on_the_seed_and_their_places_alone(name):
    examples = [Example(f"Ann {word} is", f" the {word} of Rome.", word, "", "Ann", "the cook") for word in "abcdef"]
    for options in ({}, {"unit": "segment", "segment_words": 2}) if name == "reverse" else ({},):
        transform = TRANSFORMS[name](**options)
        first, again = (transform.examples(examples, 4) for _ in range(2))
        assert list(first) == list(again)
        shorter = transform.examples(examples[:3], 4)
        assert set(shorter) <= set(first)


class Letters:
    """A tokenizer whose ids are letters."""

    def decode(self, ids):
        return "".join(map(chr, ids))


def test_the_words_of_a_row_are_apart_where_an_item_was_moved():
    row = Row((1, *map(ord, "BoHay is"), 2), 1, (Item("name", (1, 6)),))
    assert row_text(row, TOKENS, Letters()).split() == ["BoHay", "is"]
    moved = Row((1, *map(ord, " isBoHay"), 2), 1, (Item("name", (4, 9)),))
    assert row_text(moved, TOKENS, Letters()).split() == ["is", "BoHay"]


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--entities", "2", "--train-templates", "2", "--test-templates", "2", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("settings", "rows", "shown"),
    [
        (["transform.name=reverse", "transform.unit=phrase"], 32, 8),
        (["transform.name=reverse", "transform.unit=segment", "transform.tag=true"], 32, None),
        (["transform.name=both"], 24, 8),
    ],
    ids=["reverse", "segment", "both"],
)
def test_a_transform_is_trained_from_end_to_end_and_the_manifest_says_what_it_shows(
    dataset, capsys, llama_checkpoint, settings, rows, shown
):
    given = [text for setting in settings for text in ("--set", setting)]
    fast = ["--model", llama_checkpoint, "--epochs", "1", "--device", "cpu", "--name", "x"]
    assert main(["finetune", *fast, *given]) == 0
    manifest = json.loads(Path("results/x/seed-0/manifest.json").read_text())
    name = settings[0].partition("=")[2]
    assert manifest["spec"]["transform"]["name"] == name
    assert manifest["training"]["rows"] == rows
    line = f"ntp + {name}: shown reversed: {manifest['training']['shown_reversed']} of {rows} rows in an epoch"
    assert line in " ".join(capsys.readouterr().err.split())
    if shown is not None:  # how many segments show it is chance
        assert manifest["training"]["shown_reversed"] == shown


def test_a_dataset_that_cannot_be_transformed_is_refused_before_the_training(dataset, capsys):
    path = Path("results/data/name_description/all_prompts_train.jsonl")
    path.write_text(path.read_text().replace('"prompt": "', '"prompt": "So '))
    assert main(["finetune", "--set", "transform.name=both", "--epochs", "1", "--quiet"]) == 2
    assert "'both' cannot tell the template of training row" in capsys.readouterr().err
    assert not Path("results/tiny-llama-ntp-both").exists()


def test_list_shows_the_transforms_and_their_options(capsys):
    assert main(["list", "transforms", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["transforms"]) == list(TRANSFORMS)
    assert main(["list", "--options", "transform", "--json"]) == 0
    options = {option["key"]: option["meaning"] for option in json.loads(capsys.readouterr().out)}
    assert options["transform.unit"].startswith("reverse: ") and options["transform.share"].startswith("both: ")
