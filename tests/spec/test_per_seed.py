"""A benchmark for every seed."""

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.spec.loading import load_experiment

PER_SEED = "[dataset]\npath = 'data/own'\nper_seed = true\n"


def load(text: str, tmp_path):
    file = tmp_path / "x.toml"
    file.write_text(text)
    return load_experiment(file)


def test_every_seed_has_entities_and_a_folder_of_its_own(tmp_path):
    experiment = load(
        f"{PER_SEED}generator.entities = 5\n[grid]\nseed = [0, 3]\nobjective.name = ['ntp', 'bico']", tmp_path
    )
    paths = {(spec.seed, spec.dataset.path, spec.dataset.generator.seed) for spec in experiment.specs}
    assert paths == {(0, "data/own-seed-0", 0), (3, "data/own-seed-3", 3)}
    assert {spec.dataset.generator.entities for spec in experiment.specs} == {5}
    assert [(spec.seed, spec.dataset.path) for spec in experiment.baselines] == [
        (0, "data/own-seed-0"),
        (3, "data/own-seed-3"),
    ]


def test_a_slash_at_the_end_of_the_path_makes_no_other_folder(tmp_path):
    (spec,) = load("[dataset]\npath = 'data/own/'\nper_seed = true", tmp_path).specs
    assert spec.dataset.path == "data/own-seed-0"


def test_the_spec_of_a_run_says_which_benchmark_it_has_and_no_more(tmp_path):
    (spec,) = load(PER_SEED, tmp_path).specs
    (plain,) = load("[dataset]\npath = 'data/own-seed-0'\ngenerator.seed = 0", tmp_path).specs
    assert spec.dataset == plain.dataset and spec.digest == plain.digest


def test_two_seeds_for_one_benchmark_are_a_mistake(tmp_path):
    with pytest.raises(ReversalError, match="remove one of them"):
        load(f"{PER_SEED}generator.seed = 4", tmp_path)
