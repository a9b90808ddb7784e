"""experiments/hold-out.py: validation prompts for the published dataset, from templates of its training rows."""

import importlib.util
import sys
from pathlib import Path

import pytest
from dataset_rows import read_rows

from reversal_cli.data.audit.folder import audit
from reversal_cli.data.base import SUBTASKS, VALIDATION
from reversal_cli.data.berglund import load_folder

SCRIPT = Path(__file__).parents[2] / "experiments/hold-out.py"


@pytest.fixture(scope="module")
def held_out(published, tmp_path_factory) -> Path:
    spec = importlib.util.spec_from_file_location("hold_out", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    target = tmp_path_factory.mktemp("held") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(SCRIPT), str(published), str(target)])
        script.main()
    return target


def test_a_sixth_of_the_training_templates_is_held_out(published, held_out):
    rows, kept = (read_rows(folder / "all_prompts_train.jsonl") for folder in (published, held_out))
    assert len(rows) == 3600
    assert len(kept) == 3000
    assert all(row in rows for row in kept)
    prompts = {name: read_rows(held_out / f"{stem}.jsonl") for name, stem in VALIDATION.items()}
    assert {name: len(rows) for name, rows in prompts.items()} == {
        "N2D": 150,
        "D2N": 150,
        "N2D-reverse": 120,
        "D2N-reverse": 150,
    }


def test_the_audit_finds_no_leak(held_out):
    assert not audit(held_out).problems


def test_each_subtask_asks_for_all_entities_of_its_test(held_out):
    splits = load_folder(held_out)
    for name in SUBTASKS:
        tested = {example.name for example in splits.subtasks[name].examples}
        assert {example.name for example in splits.validation[name].examples} == tested
    reverse = splits.validation["N2D-reverse"].examples
    assert all(example.description in example.prompt and example.name in example.completion for example in reverse)


def test_the_test_files_are_the_same(published, held_out):
    for stem in SUBTASKS.values():
        assert (held_out / f"{stem}.jsonl").read_bytes() == (published / f"{stem}.jsonl").read_bytes()
